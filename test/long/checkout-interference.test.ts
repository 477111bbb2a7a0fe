/**
 * Every step of every checkout with every kind of interference (C5). The exhaustive suite tries a
 * third of them.
 */
import process from 'node:process';

process.env['STRIDE'] ??= '1';
await import('../exhaustive/checkout-interference.test.js');
