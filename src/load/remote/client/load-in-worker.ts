import { abortedBy, checkAbort, messageOf } from '../../../base/errors.ts';
import { type Clock, systemClock } from '../../../base/time.ts';
import type { ModelFiles } from '../../../format/files/model-files.ts';
import { type ModelSource, openModelFiles } from '../../../format/files/model-source.ts';
import type { LoadOptions } from '../../load-options.ts';
import { Model } from '../../model.ts';
import { crossAddress, crossOptions } from './cross-options.ts';
import { LoadDesk } from './load-desk.ts';
import { ModelLink, type OpenPort } from './model-link.ts';
import { RemoteHost } from './remote-host.ts';

/** What a load that was aborted may take to leave all as it was, a cache on a disk for one. */
const UNWIND_MS = 2000;

/** Why a model is to be loaded on this thread after all. */
export interface NoWorker {
  readonly reason: string;
}

/**
 * Loads a model in a worker of its own.
 *
 * @param workerReason why, for `model.info()`
 * @throws as `loadModel`
 */
export async function loadInWorker(
  source: ModelSource,
  options: LoadOptions,
  workerReason: string,
  clock: Clock = systemClock(true),
): Promise<Model | NoWorker> {
  checkAbort(options.signal);
  const files = await filesAtHand(source);
  const place = files ? { name: files.name, gguf: files.gguf } : crossAddress(source as string);
  const { answer: crossing, transfer } = await crossOptions(options);
  const desk = new LoadDesk(files, options);
  let link: ModelLink;
  try {
    link = await ModelLink.open(await openerOf(options.worker), desk.answers, clock);
  } catch (error) {
    return { reason: `no worker: ${messageOf(error)}` };
  }
  const { signal: failed } = desk;
  let cancel: (() => void) | undefined;
  failed.addEventListener('abort', () => {
    cancel = clock.after(UNWIND_MS, () => link.end(failed.reason));
  });
  const { signal } = options;
  const abort = (): void => desk.fail(abortedBy(signal!));
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  try {
    const { config, info, ...state } = await link.channel.ask(
      'load',
      { source: place, options: crossing },
      { transfer, signal: failed },
    );
    if (failed.aborted) throw failed.reason; // too late for the worker to see it
    link.update({ ...state, info: { ...info, worker: true, workerReason } });
    return new Model(new RemoteHost(link, config), config, desk.text);
  } catch (error) {
    link.end(error);
    throw failed.aborted ? failed.reason : error;
  } finally {
    cancel?.();
    signal?.removeEventListener('abort', abort);
    desk.close();
  }
}

/** What lies in memory or in a Blob is read here; an address and a path by the worker. */
async function filesAtHand(source: ModelSource): Promise<ModelFiles | undefined> {
  if (typeof source === 'string' || source instanceof URL) return undefined;
  return openModelFiles(source);
}

async function openerOf(worker: LoadOptions['worker']): Promise<OpenPort> {
  const start = typeof worker === 'function' ? worker : (await import('#worker')).default;
  if (start === undefined) throw new Error('this runtime has none');
  return (events) => start('model', events);
}
