import { pathToFileURL } from 'node:url';
import type { Contender } from './contender.ts';
import { promptIds, secondsOf } from './contender.ts';

/** What is used of node-llama-cpp. */
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<LlamaModel> }>;
}
interface LlamaModel {
  createContext(options: object): Promise<{ getSequence(): LlamaSequence }>;
  dispose(): Promise<void>;
}
interface LlamaSequence {
  readonly nextTokenIndex: number;
  clearHistory(): Promise<void>;
  eraseContextTokenRanges(ranges: readonly { start: number; end: number }[]): Promise<void>;
  evaluate(ids: readonly number[], options: object): AsyncGenerator<number>;
}

/** llama.cpp's native CPU build, its own defaults otherwise. */
export async function openLlamaCpp(
  modules: string,
  path: string,
  contextLength: number,
  threads: number,
): Promise<Contender> {
  const entry = pathToFileURL(`${modules}node-llama-cpp/dist/index.js`).href;
  const { getLlama } = (await import(entry)) as NodeLlamaCpp;
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    maxThreads: threads,
    logLevel: 'error',
  });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({
    contextSize: contextLength,
    threads,
    batchSize: 512,
  });
  const sequence = context.getSequence();
  /** Evaluates a prompt and draws tokens; one that is drawn is evaluated when the next one is. */
  const evaluate = async (prompt: number, drawn: number) => {
    const ids = promptIds(prompt, sequence.nextTokenIndex);
    const tokens = sequence.evaluate(ids, { temperature: 0, yieldEogToken: true });
    for (let i = 0; i < drawn; i++) await tokens.next();
    await tokens.return(undefined);
  };
  return {
    async prefill(tokens) {
      await sequence.clearHistory();
      return secondsOf(() => evaluate(tokens, 1));
    },
    async extend(tokens) {
      const missing = tokens - sequence.nextTokenIndex;
      return { tokens: missing, seconds: await secondsOf(() => evaluate(missing, 1)) };
    },
    async decode(tokens) {
      const start = sequence.nextTokenIndex;
      const seconds = await secondsOf(() => evaluate(1, tokens));
      await sequence.eraseContextTokenRanges([{ start, end: sequence.nextTokenIndex }]);
      return seconds / tokens;
    },
    dispose: () => model.dispose(),
  };
}
