import type { FileFacts } from './model-cache.ts';
import { ABSENT, type Link } from './download.ts';
import { bodyLength, isOtherVersion, readVersion } from './served.ts';

/** A server that takes longer to say whether a file has changed is not waited for. */
const PATIENCE_MS = 5000;

/** Asks whether cached files are still what the server has; one that does not answer is asked once. */
export class Freshness {
  readonly #link: Link;
  #isOffline = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Whether the server has another file now, as far as it can be seen.
   *
   * @throws TpaError `ABORTED`
   */
  async isStale(address: URL, facts: FileFacts): Promise<boolean> {
    if (this.#isOffline) return false;
    const { network, patience, headers } = this.#link;
    const controller = new AbortController();
    const init = { method: 'HEAD', headers, signal: controller.signal };
    try {
      const answer = await patience.within(network.fetch(address, init), PATIENCE_MS);
      if (ABSENT.has(answer.status)) return facts.isAbsent !== true;
      if (!answer.ok) return false;
      if (facts.isAbsent) return !isPage(answer);
      const length = bodyLength(answer);
      const isOtherSize = length !== undefined && length !== facts.size;
      return isOtherSize || isOtherVersion(facts, readVersion(answer.headers));
    } catch {
      patience.check();
      this.#isOffline = true;
      return false;
    } finally {
      controller.abort();
    }
  }
}

/** What some servers answer for a file that they do not have. */
function isPage({ headers }: Response): boolean {
  return /^text\/html/i.test(headers.get('content-type') ?? '');
}
