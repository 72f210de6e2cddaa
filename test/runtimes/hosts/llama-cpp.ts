/*
 * Runs models with llama.cpp in a process of its own: `node llama-cpp.ts MODULE JOB`, where JOB is JSON.
 * Prints JSON: a {@link LlamaCppResult} for each model.
 */
import { pathToFileURL } from 'node:url';

/** What is asked of each model. */
export interface LlamaCppJob {
  /** Paths of their files. */
  readonly models: readonly string[];
  /** One context: the next tokens after each id are wanted. */
  readonly ids: readonly number[];
  /** Text to tokenise, nothing added. */
  readonly texts: readonly string[];
  /** Most probable tokens that are told for each place. */
  readonly top: number;
}

export interface LlamaCppResult {
  /** For each id, the most probable next tokens with their log-probabilities. */
  readonly next: readonly (readonly (readonly [id: number, logProbability: number])[])[];
  /** Ids of the texts. */
  readonly ids: readonly (readonly number[])[];
}

/** What of node-llama-cpp is used. */
interface LlamaModule {
  readonly LlamaLogLevel: { readonly error: string };
  getLlama(options: object): Promise<{
    loadModel(options: { modelPath: string }): Promise<{
      tokenize(text: string, parsesSpecial: boolean): number[];
      createContext(options: object): Promise<{
        getSequence(): {
          controlledEvaluate(
            input: readonly (readonly [number, object])[],
          ): Promise<readonly { next: { probabilities: Map<number, number> } }[]>;
        };
        dispose(): Promise<void>;
      }>;
      dispose(): Promise<void>;
    }>;
    dispose(): Promise<void>;
  }>;
}

const [module = '', text = ''] = process.argv.slice(2);
const job = JSON.parse(text) as LlamaCppJob;
const { getLlama, LlamaLogLevel } = (await import(pathToFileURL(module).href)) as LlamaModule;
const llama = await getLlama({
  gpu: false,
  build: 'never',
  progressLogs: false,
  logLevel: LlamaLogLevel.error,
});
const wanted = { generateNext: { probabilities: true, options: { temperature: 0 } } };
const results: LlamaCppResult[] = [];
for (const modelPath of job.models) {
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 256, threads: 1 });
  const sequence = context.getSequence();
  const places = await sequence.controlledEvaluate(job.ids.map((id) => [id, wanted] as const));
  results.push({
    next: places.map(({ next }) =>
      [...next.probabilities]
        .slice(0, job.top)
        .map(([id, probability]) => [id, Math.log(probability)] as const),
    ),
    ids: job.texts.map((one) => model.tokenize(one, false)),
  });
  await context.dispose();
  await model.dispose();
}
process.stdout.write(`${JSON.stringify(results)}\n`);
await llama.dispose();
