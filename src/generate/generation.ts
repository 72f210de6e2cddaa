import { TpaError } from '../base/errors.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { Context } from './context.ts';
import type { ResolvedOptions } from './options.ts';
import { createRandom } from './random.ts';
import { logprobOf, sampleToken, type SamplingMemory } from './sampling.ts';
import { readPieces } from '../text/prompt.ts';
import type { TextOutput } from './text-output.ts';
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

/** What a token without a tokenizer shows. */
const NO_TEXT = { text: '', isStopped: false };

type Pieces = Iterable<readonly number[]>;

/** What a generation works on. */
export interface GenerationTask {
  readonly context: Context;
  /** The session, which must not be collected while there is something to generate. */
  readonly owner: object;
  readonly tokenizer: TextTokenizer | undefined;
  /** Ids that end it. */
  readonly ends: ReadonlySet<number>;
  /** Ids from here on are never sampled. */
  readonly candidates: number;
  /** Length of one row of logits. */
  readonly vocabSize: number;
  readonly sampling: SamplingMemory;
  readonly options: ResolvedOptions;
  /** Ids of the prompt behind those of the context, a piece of work at a time; called at the first pull. */
  readonly readPrompt: (before: readonly number[]) => Pieces | Promise<Pieces>;
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
 * const generation = session.generate('Once', { maxTokens: 20, seed: 7 });
 * for await (const { text } of generation) process.stdout.write(text);
 * generation.finishReason; // 'length'
 */
export class Generation implements AsyncIterable<GeneratedToken> {
  readonly #task: Omit<GenerationTask, 'owner'>;
  readonly #tokens: number[] = [];
  #finishReason: FinishReason | undefined;
  /** Until it is read; whoever reads has it then. */
  #owner: object | undefined;
  #isLeft = false;

  /** Made by `session.generate()`. @internal */
  constructor({ owner, ...task }: GenerationTask) {
    this.#task = task;
    this.#owner = owner;
  }

  /** Why it ended; `undefined` while it runs, and if it failed. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  /** A copy of the ids generated so far. */
  get tokens(): number[] {
    return [...this.#tokens];
  }

  /** The seed in use: with it, the same call gives the same tokens, with `'continue'` on the same session. */
  get seed(): number | 'continue' {
    return this.#task.options.seed;
  }

  /** @throws TypeError if the generation is read already */
  [Symbol.asyncIterator](): AsyncIterator<GeneratedToken, undefined, undefined> {
    const owner = this.#owner;
    if (owner === undefined)
      throw new TypeError('this generation is read already; call generate() for another');
    this.#owner = undefined;
    const steps = this.#run(owner);
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

  async *#run(owner: object): AsyncGenerator<GeneratedToken, undefined, undefined> {
    const { context, options, candidates, ends, tokenizer, vocabSize, sampling } = this.#task;
    const release = context.hold(owner);
    try {
      const isCancelled = (): boolean => this.#isLeft || options.signal?.aborted === true;
      if (isCancelled()) return this.#finish('abort');
      const prompt = await this.#readPrompt(isCancelled);
      if (prompt === undefined) return this.#finish('abort');
      let added: readonly number[] = prompt;
      let { isWhole } = this.#task;
      const { seed } = options;
      const random = seed === 'continue' ? context.random! : createRandom(seed);
      const before = isWhole ? prompt : [...context.ids, ...prompt];
      const output = tokenizer && (await openOutput(tokenizer, options.stop, before));

      const row = new Float32Array(vocabSize);
      for (;;) {
        await yieldMacrotask();
        if (isCancelled()) return this.#finish('abort');
        const logits = await (isWhole
          ? context.replace(added, isCancelled, row)
          : context.evaluate(added, isCancelled, row));
        if (logits === undefined) return this.#finish('abort');
        if (context.isFull) return this.#finish('context_full');
        added = [];
        isWhole = false;

        const id = sampleToken(logits, options, context.ids, random, candidates, sampling);
        context.append(id, random);
        this.#tokens.push(id);
        const isEnd = ends.has(id);
        let { text, isStopped } = output?.push(id, isEnd) ?? NO_TEXT;
        let reason = isEnd || isStopped ? 'stop' : this.#limitReached();
        if (reason !== undefined && !isStopped) {
          const last = output?.flush() ?? NO_TEXT;
          text += last.text;
          if (last.isStopped) reason = 'stop';
        }
        if (reason !== undefined) {
          this.#finish(reason);
          release(); // the session is free as soon as nothing more will be computed
        }
        yield options.logprobs
          ? { text, id, logprob: logprobOf(logits, id, candidates, sampling) }
          : { text, id };
        if (reason !== undefined) return undefined;
      }
    } finally {
      release();
    }
  }

  /** @returns undefined if cancelled */
  async #readPrompt(isCancelled: () => boolean): Promise<readonly number[] | undefined> {
    const { context, isWhole, readPrompt } = this.#task;
    const kept = isWhole ? 0 : context.ids.length;
    const checkCount = (count: number): void => context.checkRoom(count, kept);
    const prompt = await readPieces(await readPrompt(context.ids), checkCount, () => {
      context.checkAlive();
      return isCancelled();
    });
    if (prompt?.length === 0 && kept === 0) {
      const message =
        'the prompt has no tokens and the session has none to continue; pass some text';
      throw new TpaError('PROMPT_EMPTY', message);
    }
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

async function openOutput(...of: ConstructorParameters<typeof TextOutput>): Promise<TextOutput> {
  const { TextOutput: Output } = await import('./text-output.ts');
  return new Output(...of);
}
