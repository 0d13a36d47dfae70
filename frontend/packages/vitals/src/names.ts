/** Names of pages, resources and elements that hold nothing of a person or a record. */

const LONGEST = 128;
const DEEPEST = 8;
const ID = ':id';
// Not hexadecimal digits, not a slug's end, letters with few digits behind them; the
// numbers of Odoo's actions name no record of anybody's.
const WORD = /^(?!(?=.*\d)[\da-f]{6,}$)[a-z][a-z_.-]{0,31}(?<!-)\d{0,4}$|^action-\d+$/i;

/**
 * The path with each segment that may name a record replaced, without query or hash.
 *
 * A segment stays when it is a word, perhaps with few digits at its end, as
 * `image_512`, `v1` or `call_kw`; numbers, hashes, slugs such as `milk-12`, addresses
 * and everything encoded become `:id`.
 */
export function pathTemplate(path: string): string {
  const words = path
    .split(/[?#]/, 1)[0]!
    .split('/')
    .filter(Boolean)
    .slice(0, DEEPEST)
    .map((word) => (WORD.test(word) ? word : ID));
  return '/' + words.join('/').slice(0, LONGEST - 1);
}

/** The template of a resource of this site; null for another host's. */
export function route(address: string): string | null {
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin ? pathTemplate(url.pathname) : null;
  } catch {
    return null;
  }
}

/** `res.partner.web_search_read`, or the route when it is no call of a model. */
export function callName(url: string, parameters: unknown): string | null {
  const { model, method } = (parameters ?? {}) as Record<string, unknown>;
  const name = [model, method].join('.');
  return url.startsWith('/web/dataset/call_') && /^[a-z][\w.]{1,98}\w$/i.test(name)
    ? name
    : route(url);
}

/** A short selector: tags and up to two plain classes, no ids, no texts. */
export function selector(node: Node | null | undefined): string | null {
  let found = '';
  let element = (node?.nodeType === 1 ? node : node?.parentNode) as Element | null;
  for (let depth = 0; depth < 5 && element?.localName; depth++) {
    if (found && element === document.body) {
      break;
    }
    const classes = [...element.classList].filter((name) => /^[a-z_-]+$/i.test(name));
    const step = [element.localName, ...classes.slice(0, 2)].join('.');
    const longer = found ? `${step}>${found}` : step;
    if (longer.length > LONGEST) {
      break;
    }
    found = longer;
    element = element.parentElement;
  }
  return found || null;
}
