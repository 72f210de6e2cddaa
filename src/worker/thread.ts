import type { Parent } from './parent.ts';

/** Answers every message. */
export function serveThread(parent: Parent): void {
  parent.listen((message) => parent.post({ role: 'thread', message }));
}
