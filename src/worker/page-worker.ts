import type { WorkerRole } from '../base/worker-port.ts';
import { connectParent, type Parent } from './parent.ts';
import { serveThread } from './thread.ts';

/*
 * The one worker of pages, which plays the role that the first message names. The model's part is
 * evaluated only by the worker that owns one; threads are to start at once. No await at the top:
 * bundlers build workers as scripts.
 */
void begin(connectParent());

async function begin(parent: Parent): Promise<void> {
  const { role } = (await parent.next()) as { role: WorkerRole };
  if (role === 'thread') return serveThread(parent);
  const { serveModel } = await import('../load/remote/worker/serve-model.ts');
  serveModel(parent);
}
