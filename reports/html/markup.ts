/** Markup that escapes what is put into it. */
export { html, raw } from 'hono/html';
