import type { Setting } from '../conformance/suite.ts';

/** A setting for readers, such as `2 threads, in a worker`. */
export function titleOf({ threads, worker }: Setting): string {
  const parts = [
    threads === undefined ? 'as it is' : `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...(worker === undefined ? [] : [worker ? 'in a worker' : 'no worker']),
  ];
  return parts.join(', ');
}

/** A setting as the query of an address. */
export function queryOf(setting: Setting): string {
  return `?${encodeURIComponent(JSON.stringify(setting))}`;
}
