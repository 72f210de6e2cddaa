import type { WorkerRole } from '../../src/base/worker-port.ts';

/** What is heard of a worker: what it said first, or why it is dead. */
export interface Heard {
  readonly said?: unknown;
  readonly reason?: string;
}

/** What the page of {@link greetingPage} posts. */
export type Greetings = Readonly<Record<WorkerRole, Heard>> & { readonly isIsolated: boolean };

/** What is heard where workers start. */
export const GREETED = {
  thread: { said: { role: 'thread', message: 'hello' } },
  model: { said: { kind: 'hello' } },
};

/** Hears of a worker of each role, one after the other. */
const GREET = `
const hear = (role) => new Promise((resolve) => {
  try {
    const port = startWorker(role, {
      async onMessage(said) {
        await port.terminate();
        resolve({ said });
      },
      onDead: (reason) => resolve({ reason }),
    });
    port.keepAlive(true);
    if (role === 'thread') port.post('hello');
  } catch ({ message: reason }) {
    resolve({ reason });
  }
});
const greetings = { thread: await hear('thread'), model: await hear('model') };`;

/** A program that writes its {@link GREETED}, given the file that starts workers. */
export function greetingProgram(startFile: string): string {
  return `import startWorker from '${startFile}';${GREET}
console.log(JSON.stringify(greetings));`;
}

/** The script of a page that posts its {@link Greetings}. */
export function greetingPage(startFile: string): string {
  return `import startWorker from '${startFile}';${GREET}
const body = JSON.stringify({ isIsolated: crossOriginIsolated, ...greetings });
await fetch('/report', { method: 'POST', body });`;
}

/** The page of a script. */
export function html(script: string): string {
  return `<!doctype html><title>Workers</title><script type="module" src="${script}"></script>`;
}
