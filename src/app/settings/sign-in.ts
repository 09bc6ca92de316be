import { z } from 'zod';
import { allowJsonText } from '../../config/json-setting.ts';
import { integerValue, listOf, secretTextValue, textValue, urlValue, wordList } from '../../config/kinds.ts';
import {
  defineOptionalSecret,
  defineOptionalSetting,
  defineSecretSetting,
  defineSetting,
} from '../../config/setting.ts';
import { roles } from '../../core/model/principal.ts';

const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/;
const issuerUrl = {
  accepts: 'an address that begins with https://, or with http:// on this machine',
  kind: z.string().refine((value) => URL.canParse(value) && (value.startsWith('https://') || loopback.test(value))),
};
const headerName = textValue(
  'a header that Corral itself does not use',
  /^(?!(?:authorization|cookie|host|origin|forwarded|upgrade|connection|x-api-key|x-access-token|x-forwarded-(?:for|proto)|(?:content|sec)-.*)$)[a-z0-9-]{1,60}$/i,
);
const roleTable = {
  accepts: `groups, or * for everyone, each with a role (${roles.join(', ')})`,
  kind: allowJsonText(z.record(z.string().min(1).max(256), z.enum(roles))),
};
const scope = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const domain = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i;
const usualScopes = ['openid', 'profile', 'email'];

const otherIssuer = z.strictObject({
  issuer: issuerUrl.kind,
  name: z.string().min(1).max(60).optional(),
  'client-id': z.string().min(1),
  'client-secret': secretTextValue().kind.optional(),
  'client-secret-file': z.string().min(1).optional(),
  scopes: z.array(z.string().regex(scope)).default(usualScopes),
  'groups-claim': z.string().min(1).default('groups'),
  roles: roleTable.kind.prefault({}),
  'allowed-domains': z.array(z.string().regex(domain)).default([]),
  admin: z.string().min(1).optional(),
});
const others = {
  accepts: 'names of small letters, digits and hyphens, each with the keys of this section from issuer to admin',
  kind: allowJsonText(z.record(z.string().regex(/^(?!main$)[a-z][a-z0-9-]{0,30}$/), otherIssuer)),
};

export const oidcSection = z.strictObject({
  issuer: defineOptionalSetting(
    issuerUrl,
    'OpenID Connect provider for sign-in, see docs/sign-in.md; unset: keys only',
  ),
  name: defineOptionalSetting(textValue('up to 60 characters', /^.{1,60}$/), 'its name on the page; unset: its host'),
  clientId: defineOptionalSetting(textValue('an id'), 'id of this server at the provider'),
  clientSecret: defineOptionalSecret(
    secretTextValue(),
    'secret of this server at the provider; unset: a public client',
  ),
  clientSecretFile: defineOptionalSetting(textValue('a file'), 'the same, in a file'),
  scopes: defineSetting(
    wordList('scopes', scope),
    usualScopes,
    'scopes to request; offline_access is added where the provider offers it',
  ),
  groupsClaim: defineSetting(
    textValue('the name or path of a claim'),
    'groups',
    'claim with the groups of a person, such as realm_access.roles',
  ),
  roles: defineSetting(roleTable, {}, 'roles by group; the highest applies, and people without a role cannot sign in'),
  allowedDomains: defineSetting(
    wordList('domains such as example.com', domain),
    [],
    'domains of verified e-mail addresses that can sign in; none: any',
  ),
  admin: defineOptionalSetting(
    textValue('an e-mail address or a subject'),
    'verified e-mail address or subject of the first administrator',
  ),
  others: defineSecretSetting(others, {}, 'more providers, each with its own rules'),
  pageUrl: defineOptionalSetting(
    urlValue('https', 'http'),
    'address of the page as registered at the providers; unset: the one that the browser shows',
  ),
  sessionHours: defineSetting(integerValue(1, 8_760), 168, 'time after which people must sign in again'),
  idleHours: defineSetting(integerValue(1, 8_760), 24, 'time without use after which people must sign in again'),
  offlineHours: defineSetting(
    integerValue(1, 720),
    8,
    'how long people stay signed in while the provider cannot confirm them, because it is unreachable or issued no refresh token',
  ),
  checkSeconds: defineSetting(
    integerValue(1, 3_600),
    30,
    'how often the server checks each active person with the provider',
  ),
});

export const identityProxySection = z.strictObject({
  subjectHeader: defineOptionalSetting(
    headerName,
    'header in which a trusted proxy identifies the caller, such as x-auth-request-user, see docs/sign-in.md; unset: none',
  ),
  emailHeader: defineOptionalSetting(
    headerName,
    "header with the person's e-mail address, which the proxy has verified",
  ),
  nameHeader: defineOptionalSetting(headerName, "header with the person's name"),
  groupsHeader: defineOptionalSetting(headerName, "header with the person's groups, comma-separated"),
  tokenHeader: defineOptionalSetting(
    headerName,
    'header with a signed token about the person, such as x-pomerium-jwt-assertion, instead of the other headers',
  ),
  tokenKeys: defineOptionalSetting(issuerUrl, 'address of the keys of those tokens'),
  tokenAudience: defineOptionalSetting(textValue('a name'), 'name of this server in those tokens'),
  tokenIssuer: defineOptionalSetting(
    textValue('a name'),
    'name of the proxy in those tokens; unset: any proxy with those keys',
  ),
  roles: defineSetting(roleTable, {}, 'roles by group; the highest applies, and people without a role cannot sign in'),
  allowedDomains: defineSetting(
    wordList('domains such as example.com', domain),
    [],
    'domains of e-mail addresses that can sign in; none: any',
  ),
  admin: defineOptionalSetting(
    textValue('an e-mail address or a subject'),
    'e-mail address or subject of the first administrator',
  ),
});

/** Programs that authenticate with a trusted issuer's token instead of a key. */
export const programsSection = z.strictObject({
  issuers: defineSetting(
    listOf('addresses of issuers', issuerUrl.kind),
    [],
    'issuers whose tokens programs can present instead of a key, such as https://token.actions.githubusercontent.com, see docs/sign-in.md',
  ),
  audience: defineOptionalSetting(textValue('a name'), 'name of this server in those tokens, such as its address'),
});
