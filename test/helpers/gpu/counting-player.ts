import type { GraphInput, GraphPlayer } from './byte-device.ts';

/** Gives numbers that tell where they belong: the token's position, and the layer. */
export class CountingPlayer implements GraphPlayer {
  readonly runs: ReadonlyMap<string, GraphInput>[] = [];
  readonly vocabSize: number;
  readonly layers: number;
  #tokens = 0;

  constructor({ vocabSize, layers }: { vocabSize: number; layers: number }) {
    this.vocabSize = vocabSize;
    this.layers = layers;
  }

  async run(_graph: string, inputs: ReadonlyMap<string, GraphInput>, outputs: readonly string[]) {
    this.runs.push(inputs);
    const [count] = inputs.get('x')!.dims as [number];
    const rows = inputs.get('rows')!.data as Int32Array;
    const first = this.#tokens;
    this.#tokens += count;
    const found = outputs.map((name): [string, Float32Array] => {
      if (name === 'logits') {
        const length = rows.length * this.vocabSize;
        const position = (i: number) => first + rows[Math.floor(i / this.vocabSize)]!;
        return [name, Float32Array.from({ length }, (_, i) => position(i) + 1)];
      }
      const piece = name.split('.')[1]!;
      const width = inputs.get(`past.${piece}.0`)!.dims[1]!;
      const length = this.layers * count * width;
      const token = (i: number) => first + (Math.floor(i / width) % count);
      const layer = (i: number) => Math.floor(i / (width * count));
      return [name, Float32Array.from({ length }, (_, i) => token(i) * 10 + layer(i))];
    });
    return new Map(found);
  }
}
