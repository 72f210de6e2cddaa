import type { LinearState } from './linear-state.ts';
import type { PagedCache } from './pages.ts';

/** One layer's memory of the tokens before. */
export type LayerCache = PagedCache | LinearState;
