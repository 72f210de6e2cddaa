import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pieceBytes, savedPieces } from '../../src/layout/saved-pieces.ts';

const TOKEN = 4 * (2 * 32 * 128);
const DENSE = {
  heads: 32,
  headDim: 128,
  valueDim: 128,
  rankK: 32,
  rankV: 32,
  headFactors: 'groups',
} as const;

const test = suite('savedPieces');

test('a piece is a page, or a part of a large one, of 1 MB at most', () => {
  const pieces = savedPieces(DENSE, [60]);
  assert.equal(pieces, { count: 3, tokens: 24, bytes: 24 * TOKEN, lastBytes: 12 * TOKEN });
  assert.equal(
    [0, 1, 2].map((piece) => pieceBytes(pieces, piece) / TOKEN),
    [24, 24, 12],
  );
  const narrow = { ...DENSE, rankK: 1, rankV: 1 };
  assert.equal(savedPieces(narrow, [97]), { count: 2, tokens: 96, bytes: 98_304, lastBytes: 1024 });
  assert.equal(savedPieces(narrow, []).count, 0);
});

test('or a state, of which two are kept at most', () => {
  const linear = { ...DENSE, score: 'linear' } as const;
  const bytes = 4 * 32 * 128 * 128;
  assert.equal(savedPieces(linear, [5, 9]), { count: 2, tokens: 0, bytes, lastBytes: bytes });
  assert.equal(savedPieces(linear, []), { count: 0, tokens: 0, bytes, lastBytes: 0 });
});

test.run();
