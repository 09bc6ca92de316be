import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { httpServer } from './http-server.ts';

export type TokenIssuer = Awaited<ReturnType<typeof tokenIssuer>>;

/** An issuer of tokens on loopback: its description, its keys, and its signed tokens. */
export async function tokenIssuer(now: () => number = () => Date.now()) {
  const newKey = async () => ({ kid: crypto.randomUUID(), ...(await generateKeyPair('ES256', { extractable: true })) });
  let key = await newKey();
  const requests: string[] = [];
  const server = await httpServer(async (request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    if (!it.isUp) {
      response.destroy();
      return;
    }
    const keys = [{ ...(await exportJWK(key.publicKey)), kid: key.kid, alg: 'ES256', use: 'sig' }];
    response.end(JSON.stringify(path === '/keys' ? { keys } : { issuer: url, jwks_uri: `${url}/keys` }));
  });
  const { url } = server;
  const it = {
    url,
    keys: `${url}/keys`,
    requests,
    isUp: true,
    /** Replaces the key; the one before is no longer valid. */
    async rotate() {
      key = await newKey();
    },
    /** A token of the issuer for 10 minutes from `now`. */
    async sign(claims: Record<string, unknown>, header: Partial<JWTHeaderParameters> = {}) {
      const seconds = Math.floor(now() / 1_000);
      return await new SignJWT({ iss: url, iat: seconds, exp: seconds + 600, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...header })
        .sign(key.privateKey);
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
  return it;
}
