// How figures are written for people.

/** Seconds as a person says them. */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${Math.round(value * 1e3)} ms`;
  if (value < 90) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 129600) return `${(value / 3600).toFixed(1)} h`;
  return `${(value / 86400).toFixed(1)} d`;
}

let ahead = 0;
const ALIKE = 2000;

/** The gateway's clock as it tells it, in whole seconds; where this machine's is another, ages are by the gateway's. */
export function clockIs(date) {
  const off = Date.parse(date) + 500 - Date.now();
  if (!Number.isNaN(off)) ahead = Math.abs(off) < ALIKE ? 0 : off;
}

/** The gateway's time, in microseconds since 1970. */
export function now() {
  return (Date.now() + ahead) * 1e3;
}

/** Seconds since a moment in microseconds since 1970. */
export function since(us) {
  return us ? Math.max(0, (now() - us) / 1e6) : null;
}

/** The time of day of a moment in microseconds since 1970, in the local zone. */
export function clock(us) {
  if (!us) return "–";
  const at = new Date(us / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** The same moment in full, for titles. */
export function moment(us) {
  return us ? new Date(us / 1000).toISOString() : "";
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** A count. */
export function count(value) {
  return value === null || value === undefined ? "–" : grouped.format(value);
}

/** So many of a thing. */
export function many(value, thing) {
  return `${count(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** Bytes. */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let number = value;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (number < 1024 || unit === "GiB") return `${unit === "B" ? number : number.toFixed(1)} ${unit}`;
    number /= 1024;
  }
  return "";
}
