import { Statistic } from 'antd';
import type { FC } from 'react';

import type { Figure } from './metrics.js';
import type { Limits } from './rating.js';
import { COLORS, statusOf, WORDS } from './rating.js';

interface TileProps {
  title: string;
  value: Figure;
  suffix?: string;
  precision?: number;
  limits?: Limits;
  missing: string;
}

// antd's own grey is too pale for small letters.
const TITLE = { color: 'inherit', opacity: 0.75 };

/** One figure in large digits. */
export const Tile: FC<TileProps> = ({
  title,
  value,
  suffix,
  precision = 0,
  limits,
  missing,
}) => {
  const status = value !== null && limits ? statusOf(value, limits) : null;
  return (
    <div className="sdp-tile">
      <Statistic
        title={title}
        // antd cuts digits off, it does not round.
        value={value?.toFixed(precision) ?? '–'}
        precision={precision}
        suffix={value === null ? undefined : suffix}
        styles={{
          title: TITLE,
          content: status ? { color: COLORS[status] } : {},
        }}
      />
      <small>{value === null ? missing : status ? WORDS[status] : '\u00a0'}</small>
    </div>
  );
};
