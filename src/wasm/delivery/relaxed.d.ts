/** The relaxed binary, compressed by zlib; `npm run build:bytes` writes the module. */
declare const bytes: Uint8Array<ArrayBuffer>;
export default bytes;
