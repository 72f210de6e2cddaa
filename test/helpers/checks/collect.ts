import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Collects garbage until something is so, and lets finalizers run; gives up after 50 rounds. */
export async function collectUntil(isSo: () => boolean): Promise<void> {
  for (let round = 0; round < 50 && !isSo(); round++) await collectOnce();
}

/** Collects garbage once, and lets finalizers run. */
export async function collectOnce(): Promise<void> {
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 1));
}
