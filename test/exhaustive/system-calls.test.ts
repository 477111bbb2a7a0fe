import { systemCallTests } from '../support/exhaustive/system-calls.js';

// Each call fails in test/long.
systemCallTests(7);
