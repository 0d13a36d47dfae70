/**
 * Weighs what was built, names packages that are in it twice, and fails the build
 * beyond the budgets. Writes `bundle.json` beside the files.
 */
import { existsSync, readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Plugin, Rollup } from 'vite';

import { packageOf } from './vendors.js';

export interface Budgets {
  pages: Record<string, number>;
  chunks: Record<string, number>;
  /** Packages that may be there in several copies. */
  duplicates: string[];
}

export interface Weight {
  file: string;
  name: string;
  bytes: number;
  gzip: number;
  brotli: number;
}

type Bundle = Rollup.OutputBundle;
type Chunk = Rollup.OutputChunk;

const KB = 1000;

export function bundleReport(budgets: Budgets): Plugin {
  return {
    name: 'bundle-report',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
        const weights = chunks.map(weigh);
        const pages = Object.fromEntries(
          Object.keys(budgets.pages).map((name) => [
            name,
            sum(weights, closure(bundle, chunks, name)),
          ]),
        );
        const duplicates = copies(chunks);
        const report = { pages, chunks: weights, duplicates };
        this.emitFile({
          type: 'asset',
          fileName: 'bundle.json',
          source: JSON.stringify(report, null, 2),
        });
        const problems = judge(budgets, pages, weights, duplicates);
        if (problems.length) {
          this.error(`beyond the budget:\n${problems.join('\n')}`);
        }
        console.log(table(pages, weights, duplicates));
      },
    },
  };
}

function weigh(chunk: Chunk): Weight {
  const code = Buffer.from(chunk.code);
  return {
    file: chunk.fileName,
    name: chunk.name,
    bytes: code.length,
    gzip: gzipSync(code, { level: 9 }).length,
    brotli: brotliCompressSync(code).length,
  };
}

const sum = (weights: Weight[], files: Set<string>): number =>
  weights.reduce((total, { file, gzip }) => total + (files.has(file) ? gzip : 0), 0);

/** The files that a page needs: the entry's and the page's, and what they lead to. */
function closure(bundle: Bundle, chunks: Chunk[], page: string): Set<string> {
  const files = new Set<string>();
  const visit = (file: string, lazy: boolean) => {
    const chunk = bundle[file];
    if (chunk?.type !== 'chunk' || files.has(file)) {
      return;
    }
    files.add(file);
    chunk.imports.forEach((next) => visit(next, lazy));
    if (lazy) {
      chunk.dynamicImports.forEach((next) => visit(next, lazy));
    }
  };
  const found = chunks.find(({ facadeModuleId }) =>
    facadeModuleId?.endsWith(`/pages/${page}.tsx`),
  );
  if (!found) {
    throw new Error(`the budget names a page that is not built: ${page}`);
  }
  chunks
    .filter(({ isEntry }) => isEntry)
    .forEach(({ fileName }) => visit(fileName, false));
  visit(found.fileName, true);
  return files;
}

/** Packages of which several copies are in the bundle, with their versions. */
export function copies(chunks: Pick<Chunk, 'modules'>[]): Record<string, string[]> {
  const found = new Map<string, Set<string>>();
  for (const { modules } of chunks) {
    for (const [module, { renderedLength }] of Object.entries(modules)) {
      // CommonJS modules stand there a second time, with a mark.
      const id = module.replace(/^\0|\?.*$/g, '');
      const name = packageOf(id);
      if (name && renderedLength) {
        const folder = id.slice(0, id.lastIndexOf(`/node_modules/${name}/`));
        const root = `${folder}/node_modules/${name}`;
        found.set(name, (found.get(name) ?? new Set()).add(root));
      }
    }
  }
  return Object.fromEntries(
    [...found]
      .filter(([, roots]) => roots.size > 1)
      .map(([name, roots]) => [name, [...roots].map(versionOf).sort()]),
  );
}

function versionOf(root: string): string {
  const file = `${root}/package.json`;
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
    : 'unknown';
}

/** What is beyond the budgets, in words. */
export function judge(
  budgets: Budgets,
  pages: Record<string, number>,
  weights: Weight[],
  duplicates: Record<string, string[]>,
): string[] {
  const over = (what: string, size: number, limit: number) =>
    size > limit * KB ? [`${what}: ${kb(size)} of ${limit} kB`] : [];
  return [
    ...Object.entries(pages).flatMap(([name, size]) =>
      over(`page ${name}`, size, budgets.pages[name]!),
    ),
    ...Object.entries(budgets.chunks).flatMap(([name, limit]) => {
      const chunk = weights.find((weight) => weight.name === name);
      return chunk
        ? over(name, chunk.gzip, limit)
        : [`${name}: there is no such chunk`];
    }),
    ...Object.entries(duplicates)
      .filter(([name]) => !budgets.duplicates.includes(name))
      .map(([name, versions]) => `${name} is there twice: ${versions.join(', ')}`),
  ];
}

const kb = (bytes: number): string => (bytes / KB).toFixed(1);

function table(
  pages: Record<string, number>,
  weights: Weight[],
  duplicates: Record<string, string[]>,
): string {
  const files = [...weights]
    .sort((one, other) => other.gzip - one.gzip)
    .map(
      ({ name, bytes, gzip, brotli }) =>
        `${name.padEnd(24)} ${[bytes, gzip, brotli].map((size) => kb(size).padStart(9)).join(' ')}`,
    );
  return [
    `\n${'file, kB'.padEnd(24)}       raw      gzip    brotli`,
    ...files,
    `\n${'page, kB of JavaScript'.padEnd(24)} gzip`,
    ...Object.entries(pages).map(([name, size]) => `${name.padEnd(24)} ${kb(size)}`),
    `\npackages there twice: ${Object.keys(duplicates).join(', ') || 'none'}`,
  ].join('\n');
}
