// Asking again and again, no faster than the answers come, and not while nobody looks.

const SHARE = 10;

/**
 * Call `ask` now and every `ms` until `signal` ends it, or less often if it takes more than a tenth of the time.
 * `failed` is told what went wrong.
 */
export async function poll(ask, ms, signal, failed = () => {}) {
  let wait = ms;
  while (!signal.aborted) {
    if (!document.hidden) {
      const begun = performance.now();
      try {
        await ask(signal);
        wait = Math.max(ms, SHARE * (performance.now() - begun));
      } catch (problem) {
        if (signal.aborted) return;
        failed(problem);
        wait = Math.min(15000, wait * 2);
      }
    }
    await pause(wait, signal);
  }
}

/** Wait, or less if `signal` ends it. */
export function pause(ms, signal) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
