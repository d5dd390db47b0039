import { suite } from './suite.ts';

suite('mobile-node');
