import { createDemoModel } from '../../../src/agents/models/demo/demo.ts';
import { modelContract } from './model.ts';

modelContract('demo', { answers: async () => createDemoModel() });
