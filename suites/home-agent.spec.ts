import { suite } from './suite.ts';

suite('home-agent');
