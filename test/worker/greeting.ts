import type { WorkerRole } from '../../src/base/worker-port.ts';

/** What is heard of a worker: what it said first, or why it is dead. */
export interface Heard {
  readonly said?: unknown;
  readonly reason?: string;
}

/** What the page of {@link greetingPage} posts. */
export type Greetings = Readonly<Record<WorkerRole, Heard>> & { readonly isIsolated: boolean };

/** What a worker of a model says first. */
export const GREETED = { said: { kind: 'hello' } };

/** The script of a page that posts its {@link Greetings}: a thread is sent what it cannot use. */
export function greetingPage(startFile: string): string {
  return `
import startWorker from '${startFile}';
const hear = (role) => new Promise((resolve) => {
  try {
    const port = startWorker(role, {
      async onMessage(said) {
        await port.terminate();
        resolve({ said });
      },
      onDead: (reason) => resolve({ reason }),
    });
    if (role === 'thread') port.post({});
  } catch ({ message: reason }) {
    resolve({ reason });
  }
});
const isIsolated = crossOriginIsolated;
const body = JSON.stringify({ isIsolated, thread: await hear('thread'), model: await hear('model') });
await fetch('/report', { method: 'POST', body });`;
}

/** The page of a script. */
export function html(script: string): string {
  return `<!doctype html><title>Workers</title><script type="module" src="${script}"></script>`;
}
