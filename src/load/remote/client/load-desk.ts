import type { ModelFiles } from '../../../format/files/model-files.ts';
import type { LoadOptions } from '../../load-options.ts';
import { type OpenedText, openText } from '../../open-text.ts';
import type { Answers } from '../channel.ts';
import { unpackText } from '../crossing-text.ts';
import type { CallerAsks } from '../protocol.ts';
import { answerFetch } from './answer-fetch.ts';
import { answerFiles } from './answer-files.ts';
import { answerGpu } from './answer-gpu.ts';
import { Handles } from './handles.ts';
import type { OwnAsks } from './model-link.ts';

/** Answers what a worker asks while it loads a model, and remembers what this side must know. */
export class LoadDesk {
  readonly answers: Answers<Omit<CallerAsks, OwnAsks>>;
  readonly #handles = new Handles();
  readonly #failing = new AbortController();
  #text: OpenedText | undefined;

  /** @param files those of a model that is at hand */
  constructor(files: ModelFiles | undefined, { cache, fetch, onProgress, webgpu }: LoadOptions) {
    this.answers = {
      ...answerFiles(this.#handles, files, typeof cache === 'object' ? cache : undefined),
      ...answerFetch(this.#handles, fetch),
      ...answerGpu(webgpu),
      text: async (crossing) => {
        this.#text = await openText(unpackText(crossing));
      },
      progress: (progress) => {
        try {
          onProgress?.(progress);
        } catch (error) {
          this.fail(error);
        }
      },
    };
  }

  /** Tokenizer and chat, once the worker has read their files. */
  get text(): OpenedText | undefined {
    return this.#text;
  }

  /** Aborts with the error that loading is to end with. */
  get signal(): AbortSignal {
    return this.#failing.signal;
  }

  /** Ends loading; the first error counts. */
  fail(error: unknown): void {
    this.#failing.abort(error);
  }

  /** Closes what the worker has left open; a cache may take for ever to do so. */
  close(): void {
    void this.#handles.closeAll();
  }
}
