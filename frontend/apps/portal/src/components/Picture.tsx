/** A drawing for a product: the demo dairy's have no photographs. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/cheese|paneer|mozz/i, 'M14 62 62 22a60 60 0 0 1 26 40zM14 66h74v14H14z'],
  [/butter|ghee/i, 'M18 46 34 34h54L72 46zM18 50h54v26H18zM76 48l12-10v24L76 74z'],
  [/yog|curd|doi|lassi|kefir|ice cream/i, 'M24 30h52v8H24zM28 42h44l-6 38H34z'],
];
const BOTTLE = 'M40 16h20v12l8 14v38a6 6 0 0 1-6 6H38a6 6 0 0 1-6-6V42l8-14z';
const TINTS = ['#e7f1ec', '#fdf1dc', '#e6eefb', '#f7e8ec'];
const INKS = ['#0f5132', '#8a5a00', '#1d4f91', '#8c2f45'];

export const Picture = ({ name, number }: { name: string; number: number }) => {
  const shape = SHAPES.find(([of]) => of.test(name))?.[1] ?? BOTTLE;
  const color = number % TINTS.length;
  return (
    <svg
      className="picture"
      viewBox="0 0 100 100"
      aria-hidden="true"
      style={{ background: TINTS[color] }}
    >
      <path d={shape} fill={INKS[color]} opacity="0.85" />
    </svg>
  );
};
