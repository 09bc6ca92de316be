import { demoModel } from '../../src/llm/demo/demo.ts';
import { modelContract } from './model.ts';

modelContract('demo', { answers: async () => demoModel() });
