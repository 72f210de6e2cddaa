/** The thread's worker as text, which `npm run build:workers` writes. */
declare const source: string;
export default source;
