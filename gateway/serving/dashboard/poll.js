// Asking again and again, no faster than the answers come, and not while nobody looks.

/** Call `ask` now and every `ms` until `signal` ends it; `failed` is told what went wrong, null once it is right again. */
export async function poll(ask, ms, signal, failed = () => {}) {
  let wait = ms;
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await ask(signal);
        failed(null);
        wait = ms;
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
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
  });
}
