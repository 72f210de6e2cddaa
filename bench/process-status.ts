import { readFileSync } from 'node:fs';

/** A number of what the kernel says of a process (Linux); undefined where it has ended. */
export function processStatus(pid: number, field: string): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, value] = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status) ?? [];
    return value === undefined ? undefined : Number(value);
  } catch {
    return undefined;
  }
}

/** The most bytes of a process that were in RAM at a time; undefined where it has ended. */
export function peakResident(pid: number): number | undefined {
  const kilobytes = processStatus(pid, 'VmHWM');
  return kilobytes === undefined ? undefined : 1024 * kilobytes;
}
