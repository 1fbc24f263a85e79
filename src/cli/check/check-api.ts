// Whether the API's tokens and TLS files can be used, before Torpor is started with them.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { readTokens } from '../../api/token-file.ts';
import type { ApiConfig } from '../../config/torpor-config.ts';
import { errorText } from '../../platform/errors.ts';
import type { CheckReport } from './check-finding.ts';

export function checkApi({ tokensFile, tls }: ApiConfig, report: CheckReport): void {
  if (tokensFile !== null) checkTokens(tokensFile, report);
  if (tls !== null) checkTls(tls, report);
}

function checkTokens(path: string, report: CheckReport): void {
  try {
    const tokens = readTokens(path);
    if (tokens.length === 0)
      report.warn('API tokens', `${path} has none: nobody is let in`, 'make one: torpor token add NAME');
    else report.ok('API tokens', `${tokens.length} in ${path}`);
  } catch (error) {
    // The message says itself what to do.
    report.fail('API tokens', errorText(error), null);
  }
}

function checkTls({ cert, key }: NonNullable<ApiConfig['tls']>, report: CheckReport): void {
  try {
    createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
    report.ok('API TLS', `${cert} and its key fit together`);
  } catch (error) {
    report.fail('API TLS', `${cert} and ${key}: ${errorText(error)}`, 'name a certificate and its own key, both PEM');
  }
}
