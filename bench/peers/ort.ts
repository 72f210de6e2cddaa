import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { encodeModel, type GraphSpec } from '../../src/backend/webgpu/graph/onnx-model.ts';

/** One input of a graph. */
export interface Feed {
  readonly data: Float32Array | Int32Array;
  readonly dims: readonly number[];
}

/** A graph with its inputs, ready to run again and again. */
export interface Peer {
  readonly name: string;
  run(): Promise<void>;
  /** First output of the graph, of the last run. */
  output(): Float32Array;
}

/** A compiled graph. */
export interface PeerSession {
  /** @param outputs names to fetch; what is not fetched is not copied out of the wasm heap */
  bind(name: string, feeds: Readonly<Record<string, Feed>>, outputs?: readonly string[]): Peer;
  release(): Promise<void>;
}

/** Compiles a graph for onnxruntime-web's wasm provider on one thread. */
export async function openSession(graph: GraphSpec): Promise<PeerSession> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(encodeModel(graph), {
    executionProviders: ['wasm'],
    // Without the arena no graph here got slower, one-row products 1.6x faster, and gigabytes
    // of one peer are free for the next.
    enableCpuMemArena: false,
    enableMemPattern: false,
  });
  return {
    bind(name, feeds, outputs = graph.outputs.map((output) => output.name)) {
      const tensors: Record<string, Tensor> = {};
      for (const [input, { data, dims }] of Object.entries(feeds)) {
        tensors[input] =
          data instanceof Float32Array
            ? new ort.Tensor('float32', data, dims)
            : new ort.Tensor('int32', data, dims);
      }
      return bindPeer(name, session, tensors, outputs);
    },
    release: () => session.release(),
  };
}

function bindPeer(
  name: string,
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
): Peer {
  let last: Tensor | undefined;
  return {
    name,
    async run() {
      last = (await session.run(feeds, outputs))[outputs[0] ?? ''];
    },
    output() {
      if (!(last?.data instanceof Float32Array)) throw new Error(`peer "${name}" has not run`);
      return last.data;
    },
  };
}
