/**
 * Where a piece of text stands: it opens the text, continues text that stands before it, or comes
 * behind an added token or a cut. A prefix is put before all but what continues.
 */
export type Place = 'opening' | 'continued' | 'inner';
