import { model } from '../../data/log.ts';
import { short } from '../../parts/format.ts';

export const Cost = () => <p>{short(model.used.value.inputTokens)}</p>;
