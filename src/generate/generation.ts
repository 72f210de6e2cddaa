import { TpaError } from '../base/errors.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { Context } from './context.ts';
import type { ResolvedOptions } from './options.ts';
import { createRandom } from './random.ts';
import { logprobOf, sampleToken } from './sampling.ts';
import { StopFilter } from './stop.ts';
import { TextStream } from './text-stream.ts';
import { yieldMacrotask } from '../base/time.ts';

/**
 * Why a generation ended: an end token or a stop string, `maxTokens`, a signal or a reader that
 * left, or the end of the context.
 */
export type FinishReason = 'stop' | 'length' | 'abort' | 'context_full';

/** One generated token. */
export interface GeneratedToken {
  /** The text that became certain with this token; may be '' and may belong to earlier ones. */
  readonly text: string;
  /** The sampled id. */
  readonly id: number;
  /** Natural log of the token's probability under the plain softmax, if asked for. */
  readonly logprob?: number;
}

/** What a generation works on. */
export interface GenerationTask {
  readonly context: Context;
  readonly tokenizer: TextTokenizer | undefined;
  readonly eosTokenIds: readonly number[];
  /** Ids from here on are never sampled. */
  readonly candidates: number;
  readonly options: ResolvedOptions;
  /** Tokenises the prompt; called at the first pull. */
  readonly readPrompt: () => readonly number[] | Promise<readonly number[]>;
  /** Whether the prompt is the conversation from its beginning, not what follows. */
  readonly isWhole: boolean;
}

/**
 * A stream of tokens, to be read once: by iterating, or as {@link text} or
 * {@link toReadableStream}. Each token is computed when it is asked for. Leaving the loop frees the
 * session.
 *
 * Every sampled id is one item, an end token too (its own text is empty; its item brings what was
 * held back). Held back is text that may be the beginning of a stop string or an unfinished
 * character. All `text` joined is what {@link text} gives. After an abort what is held back is not
 * given out; its ids are in {@link tokens} and in the session.
 *
 * @example
 * const generation = session.generate('Once', { maxTokens: 20 });
 * for await (const { text } of generation) process.stdout.write(text);
 * generation.finishReason; // 'length'
 */
export class Generation implements AsyncIterable<GeneratedToken> {
  readonly #task: GenerationTask;
  readonly #tokens: number[] = [];
  #finishReason: FinishReason | undefined;
  #isConsumed = false;
  #isLeft = false;

  /** Made by `session.generate()`. @internal */
  constructor(task: GenerationTask) {
    this.#task = task;
  }

  /** Why it ended; `undefined` while it runs, and if it failed. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  /** A copy of the ids generated so far. */
  get tokens(): number[] {
    return [...this.#tokens];
  }

  /** The seed in use: with it, the same call gives the same tokens. */
  get seed(): number {
    return this.#task.options.seed;
  }

  /** @throws TypeError if the generation is read already */
  [Symbol.asyncIterator](): AsyncIterator<GeneratedToken, undefined, undefined> {
    if (this.#isConsumed)
      throw new TypeError('this generation is read already; call generate() for another');
    this.#isConsumed = true;
    const steps = this.#run();
    return {
      next: () => steps.next(),
      return: () => {
        this.#isLeft = true; // seen by the step that is running, if any
        this.#finishReason ??= 'abort';
        return steps.return(undefined);
      },
    };
  }

  /**
   * Runs to the end.
   *
   * @returns the whole text, without the prompt and the stop string
   * @throws as iterating does
   */
  async text(): Promise<string> {
    let text = '';
    for await (const token of this) text += token.text;
    return text;
  }

  /**
   * The text as a stream of non-empty strings; a token is computed when one is read, and
   * cancelling frees the session.
   *
   * @throws TypeError if the generation is read already
   *
   * @example
   * const bytes = generation.toReadableStream().pipeThrough(new TextEncoderStream());
   * const response = new Response(bytes);
   */
  toReadableStream(): ReadableStream<string> {
    const steps = this[Symbol.asyncIterator]();
    return new ReadableStream<string>(
      {
        async pull(controller) {
          for (;;) {
            const { done, value } = await steps.next();
            if (done === true) return controller.close();
            if (value.text !== '') return controller.enqueue(value.text);
          }
        },
        async cancel() {
          await steps.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async *#run(): AsyncGenerator<GeneratedToken, undefined, undefined> {
    const { context, options, candidates, eosTokenIds, tokenizer } = this.#task;
    const release = context.hold();
    try {
      const isCancelled = (): boolean => this.#isLeft || options.signal?.aborted === true;
      if (isCancelled()) return this.#finish('abort');
      let added = await this.#checkedPrompt();
      let isWhole = this.#task.isWhole;
      const random = createRandom(options.seed);
      const stream = tokenizer === undefined ? undefined : new TextStream(tokenizer);
      const filter = new StopFilter(options.stop);

      for (;;) {
        await yieldMacrotask();
        if (isCancelled()) return this.#finish('abort');
        const logits = await (isWhole
          ? context.replace(added, isCancelled)
          : context.evaluate(added, isCancelled));
        if (logits === undefined) return this.#finish('abort');
        if (context.isFull) return this.#finish('context_full');
        added = [];
        isWhole = false;

        const id = sampleToken(logits, options, context.ids, random, candidates);
        context.append(id);
        this.#tokens.push(id);
        const isEnd = eosTokenIds.includes(id);
        const filtered = filter.push(isEnd ? '' : (stream?.push(id) ?? ''));
        let text = filtered.text;
        let reason = isEnd || filtered.isStopped ? 'stop' : this.#limitReached();
        if (reason !== undefined && !filtered.isStopped) {
          const last = filter.push(stream?.flush() ?? '');
          text += last.text + filter.flush();
          if (last.isStopped) reason = 'stop';
        }
        if (reason !== undefined) {
          this.#finish(reason);
          release(); // the session is free as soon as nothing more will be computed
        }
        yield options.logprobs
          ? { text, id, logprob: logprobOf(logits, id, candidates) }
          : { text, id };
        if (reason !== undefined) return undefined;
      }
    } finally {
      release();
    }
  }

  async #checkedPrompt(): Promise<readonly number[]> {
    const { context, isWhole, readPrompt } = this.#task;
    const prompt = await readPrompt();
    if (prompt.length === 0 && (isWhole || context.ids.length === 0)) {
      const message =
        'the prompt has no tokens and the session has none to continue; pass some text';
      throw new TpaError('PROMPT_EMPTY', message);
    }
    if (!isWhole) context.checkRoom(prompt.length);
    return prompt;
  }

  #limitReached(): FinishReason | undefined {
    const { context, options } = this.#task;
    if (this.#tokens.length >= options.maxTokens) return 'length';
    return context.isFull ? 'context_full' : undefined;
  }

  #finish(reason: FinishReason): undefined {
    this.#finishReason = reason;
  }
}
