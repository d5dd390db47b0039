import { suite } from './suite.ts';

suite('scenario');
