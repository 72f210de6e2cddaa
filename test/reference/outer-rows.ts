/** b ⊗ c of rows (bDim + cDim): (rows, bDim · cDim), feature i · cDim + j = b[i] · c[j], float64. */
export function outerRows(x: ArrayLike<number>, bDim: number, cDim: number): Float64Array {
  const width = bDim + cDim;
  const product = bDim * cDim;
  return Float64Array.from({ length: (x.length / width) * product }, (_, at) => {
    const row = Math.floor(at / product) * width;
    const i = Math.floor((at % product) / cDim);
    return x[row + i]! * x[row + bDim + (at % cDim)]!;
  });
}
