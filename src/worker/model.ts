import startWorker from '#worker';
import type { Parent } from './parent.ts';

/** Answers every message, by a thread of its own. */
export function serveModel(parent: Parent): void {
  const thread = startWorker!('thread', {
    onMessage: (answer) => parent.post({ role: 'model', answer }),
    onDead: (reason) => parent.post({ role: 'model', reason }),
  });
  parent.listen((message) => thread.post(message));
}
