import { suite } from './suite.ts';

suite('foreign-agent');
