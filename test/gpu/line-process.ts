import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { Bundle } from './bundle.ts';
import type { GpuHost } from './host.ts';

/** A process that runs line-host.ts. */
export function startLineHost(
  command: readonly string[],
  { folder }: Bundle,
  env: NodeJS.ProcessEnv = process.env,
): GpuHost {
  const url = (file: string) => pathToFileURL(`${folder}/${file}`).href;
  const assets = {
    worker: url('gpu-worker.js'),
    faultyWorker: url('faulty-worker.js'),
    module: new URL(
      '../../node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs',
      import.meta.url,
    ).href,
  };
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, `${folder}/line-host.js`, JSON.stringify(assets)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextReply = async (): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended`);
      // Dawn prints lines of its own when a thread with an open call is ended
      if (value.startsWith('{')) return value;
    }
  };
  return {
    async run(name, ask) {
      child.stdin.write(`${JSON.stringify({ name, ask })}\n`);
      const reply = JSON.parse(await nextReply()) as { answer?: never; error?: string };
      if (reply.error !== undefined) throw new Error(reply.error);
      return reply.answer!;
    },
    close: () => ended(child),
  };
}

/** What a program prints. */
export async function outputOf(command: readonly string[], env = process.env): Promise<string> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
  let text = '';
  child.stdout.on('data', (chunk) => (text += String(chunk)));
  await new Promise((resolve) => child.on('close', resolve));
  return text.trim();
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.kill('SIGKILL');
  });
}
