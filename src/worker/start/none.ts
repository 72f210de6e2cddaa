/** Cloudflare Workers and Vercel's edge runtime, which start no workers. */
export default undefined;
