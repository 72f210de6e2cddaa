import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { GraphInput, GraphPlayer } from './byte-device.ts';

/**
 * Plays graphs with onnxruntime-web's wasm provider, which computes the operators that are written
 * for the WebGPU provider on the CPU, in float32.
 */
export class OrtPlayer implements GraphPlayer {
  readonly #sessions = new Map<string, InferenceSession>();

  async compile(graph: string, model: Uint8Array): Promise<void> {
    const ort = await loadOrt();
    const options = { executionProviders: ['wasm'], logSeverityLevel: 4 } as const;
    this.#sessions.set(graph, await ort.InferenceSession.create(model, options));
  }

  async run(
    graph: string,
    inputs: ReadonlyMap<string, GraphInput>,
    outputs: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const ort = await loadOrt();
    const feeds: Record<string, Tensor> = {};
    for (const [name, { data, dims }] of inputs) {
      if (data instanceof Float32Array) feeds[name] = new ort.Tensor('float32', data, dims);
      else if (data instanceof Int32Array) feeds[name] = new ort.Tensor('int32', data, dims);
      else if (data instanceof BigInt64Array) feeds[name] = new ort.Tensor('int64', data, dims);
      else if (data instanceof Uint8Array) feeds[name] = new ort.Tensor('uint8', data, dims);
      else throw new RangeError(`"${name}": the wasm provider has no float16 here`);
    }
    const found = await this.#sessions.get(graph)!.run(feeds, outputs);
    return new Map(outputs.map((name) => [name, found[name]!.data as Float32Array]));
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}

async function loadOrt() {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  return ort;
}
