import type { WorkerRole } from '../../src/base/worker-port.ts';

/** What a page heard of a worker: what it said first, or why it is dead. */
export interface Heard {
  readonly said?: { readonly role: WorkerRole; readonly answer?: unknown };
  readonly reason?: string;
}

/** What the page of {@link greetingPage} posts. */
export type Greetings = Readonly<Record<WorkerRole, Heard>> & { readonly isIsolated: boolean };

/** What it posts where workers start: that of a model has been answered by a thread of its own. */
export const GREETED = {
  thread: { said: { role: 'thread', message: 'hello' } },
  model: { said: { role: 'model', answer: { role: 'thread', message: 'hello' } } },
};

/** The script of a page that greets a worker of each role. */
export function greetingPage(startFile: string): string {
  return `
import startWorker from '${startFile}';
const hear = (role) => new Promise((resolve) => {
  try {
    const port = startWorker(role, {
      onMessage(said) {
        port.terminate();
        resolve({ said });
      },
      onDead: (reason) => resolve({ reason }),
    });
    port.post('hello');
  } catch ({ message: reason }) {
    resolve({ reason });
  }
});
const body = { isIsolated: crossOriginIsolated };
for (const role of ['thread', 'model']) body[role] = await hear(role);
await fetch('/report', { method: 'POST', body: JSON.stringify(body) });`;
}

/** The page of a script. */
export function html(script: string): string {
  return `<!doctype html><title>Workers</title><script type="module" src="${script}"></script>`;
}
