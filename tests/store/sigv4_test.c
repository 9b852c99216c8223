// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signer against what AWS has published: the Signature Version 4 test suite
 * (those of its requests that S3 can get: paths are not normalised), and the
 * examples of the S3 API reference, "Authorization header".
 */
#include <string.h>

#include "sigv4.h"
#include "tap.h"

#define HOST	{ "Host", "example.amazonaws.com" }
#define DATE	{ "X-Amz-Date", "20150830T123600Z" }
#define LETTERS	"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define S3_HOST	{ "Host", "examplebucket.s3.amazonaws.com" }
#define S3_DATE	{ "x-amz-date", "20130524T000000Z" }

static const char long_token[] =
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmx"
	"fpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0K"
	"PkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZb"
	"qBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

static const struct vector {
	const char *name;
	const char *method;
	const char *path;
	struct lc_sigv4_pair query[4];
	struct lc_sigv4_pair headers[6];
	const char *payload;
	const char *signed_headers;
	const char *signature;
} suite[] = {
	{
		"get-vanilla", "GET", "/", {}, { HOST, DATE }, NULL, "host;x-amz-date",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
	}, {
		"get-vanilla-query-order-key-case", "GET", "/",
		{ { "Param2", "value2" }, { "Param1", "value1" } }, { HOST, DATE }, NULL,
		"host;x-amz-date",
		"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
	}, {
		"get-vanilla-query-order-encoded", "GET", "/",
		{ { "Param-3", "Value3" }, { "Param", "Value2" }, { "\xe1\x88\xb4", "Value1" } },
		{ HOST, DATE }, NULL, "host;x-amz-date",
		"371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
	}, {
		"get-unreserved", "GET", "/" LETTERS, {}, { HOST, DATE }, NULL, "host;x-amz-date",
		"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
	}, {
		"get-vanilla-query-unreserved", "GET", "/", { { LETTERS, LETTERS } },
		{ HOST, DATE }, NULL, "host;x-amz-date",
		"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
	}, {
		"get-utf8", "GET", "/\xe1\x88\xb4", {}, { HOST, DATE }, NULL, "host;x-amz-date",
		"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
	}, {
		"get-vanilla-utf8-query", "GET", "/", { { "\xe1\x88\xb4", "bar" } },
		{ HOST, DATE }, NULL, "host;x-amz-date",
		"2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
	}, {
		"get-space-unnormalized", "GET", "/example space/", {}, { HOST, DATE }, NULL,
		"host;x-amz-date",
		"652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
	}, {
		"get-slash-dot-slash-unnormalized", "GET", "/./", {}, { HOST, DATE }, NULL,
		"host;x-amz-date",
		"68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145",
	}, {
		"get-slashes-unnormalized", "GET", "//example//", {}, { HOST, DATE }, NULL,
		"host;x-amz-date",
		"87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5",
	}, {
		"get-header-value-trim", "GET", "/", {},
		{ HOST, { "My-Header1", " value1" }, { "My-Header2", " \"a   b   c\"" }, DATE },
		NULL, "host;my-header1;my-header2;x-amz-date",
		"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
	}, {
		"get-vanilla-with-session-token", "GET", "/", {},
		{ HOST, DATE, { "X-Amz-Security-Token",
		  "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267" } },
		NULL, "host;x-amz-date;x-amz-security-token",
		"07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
	}, {
		"post-vanilla", "POST", "/", {}, { HOST, DATE }, NULL, "host;x-amz-date",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
	}, {
		"post-header-key-sort", "POST", "/", {},
		{ DATE, { "My-Header1", "value1" }, HOST }, NULL, "host;my-header1;x-amz-date",
		"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
	}, {
		"post-sts-header-before", "POST", "/", {},
		{ { "X-Amz-Security-Token", long_token }, DATE, HOST }, NULL,
		"host;x-amz-date;x-amz-security-token",
		"85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
	}, {
		"post-x-www-form-urlencoded", "POST", "/", {},
		{ HOST, DATE, { "Content-Type", "application/x-www-form-urlencoded" },
		  { "Content-Length", "13" }, { "x-amz-content-sha256",
		  "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e" } },
		"9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
		"content-length;content-type;host;x-amz-content-sha256;x-amz-date",
		"d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
	},
};

static const struct vector s3[] = {
	{
		"GET object", "GET", "/test.txt", {},
		{ S3_HOST, { "Range", "bytes=0-9" }, { "x-amz-content-sha256", LC_SIGV4_EMPTY },
		  S3_DATE }, NULL, "host;range;x-amz-content-sha256;x-amz-date",
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
	}, {
		"PUT object", "PUT", "/test$file.text", {},
		{ { "Date", "Fri, 24 May 2013 00:00:00 GMT" }, S3_HOST, S3_DATE,
		  { "x-amz-storage-class", "REDUCED_REDUNDANCY" }, { "x-amz-content-sha256",
		  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" } },
		"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
		"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
	}, {
		"GET bucket lifecycle", "GET", "/", { { "lifecycle", "" } },
		{ S3_HOST, S3_DATE, { "x-amz-content-sha256", LC_SIGV4_EMPTY } }, NULL,
		"host;x-amz-content-sha256;x-amz-date",
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
	}, {
		"list objects", "GET", "/", { { "max-keys", "2" }, { "prefix", "J" } },
		{ S3_HOST, S3_DATE, { "x-amz-content-sha256", LC_SIGV4_EMPTY } }, NULL,
		"host;x-amz-content-sha256;x-amz-date",
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	},
};

static const struct lc_sigv4_key suite_key = {
	"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830T123600Z",
	"us-east-1", "service",
};

static const struct lc_sigv4_key s3_key = {
	"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524T000000Z",
	"us-east-1", "s3",
};

static int count(const struct lc_sigv4_pair *pairs, int max)
{
	int n = 0;

	while (n < max && pairs[n].name)
		n++;
	return n;
}

static const struct vector *v;
static const struct lc_sigv4_key *key;

static struct lc_sigv4_request to_request(const struct vector *from)
{
	return (struct lc_sigv4_request){
		.method = from->method,
		.path = from->path,
		.query = from->query,
		.nr_query = count(from->query, 4),
		.headers = from->headers,
		.nr_headers = count(from->headers, 6),
		.payload = from->payload ? from->payload : LC_SIGV4_EMPTY,
	};
}

static void signs_as_published(void)
{
	struct lc_sigv4_request req = to_request(v);
	char got[1024], want[1024];
	struct lc_text t = LC_TEXT(got);

	snprintf(want, sizeof(want), "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, "
		 "SignedHeaders=%s, Signature=%s", key->access, key->date, key->region,
		 key->service, v->signed_headers, v->signature);
	CHECK(lc_sigv4_sign(&req, key, &t));
	CHECK(!strcmp(got, want));
}

static void the_url_is_what_was_signed(void)
{
	struct lc_sigv4_pair query[] = {
		{ "uploads", "" }, { "prefix", "a b/+&=%" }, { "continuation-token", "1/2==" },
	};
	struct lc_sigv4_request req = { .path = "/b/a b~/+", .query = query, .nr_query = 3 };
	char buf[256];
	struct lc_text t = LC_TEXT(buf);

	lc_sigv4_path(&t, &req);
	lc_text_put(&t, "?", 1);
	lc_sigv4_query(&t, &req);
	CHECK(!strcmp(buf, "/b/a%20b~/%2B?continuation-token=1%2F2%3D%3D&"
		      "prefix=a%20b%2F%2B%26%3D%25&uploads="));
}

static void what_is_too_long_is_refused(void)
{
	static char big[20000];
	struct lc_sigv4_request req = to_request(&suite[0]);
	char got[1024];
	struct lc_text t = LC_TEXT(got), tiny = { .buf = got, .max = 40 };

	CHECK(!lc_sigv4_sign(&req, &suite_key, &tiny));
	memset(big, 'x', sizeof(big) - 1);
	req.path = big;
	CHECK(!lc_sigv4_sign(&req, &suite_key, &t));
	req.path = "/";
	req.nr_headers = LC_SIGV4_PAIRS_MAX + 1;
	CHECK(!lc_sigv4_sign(&req, &suite_key, &t));
}

int main(void)
{
	unsigned int i;

	key = &suite_key;
	for (i = 0; i < sizeof(suite) / sizeof(suite[0]); i++) {
		v = &suite[i];
		tap_run(v->name, signs_as_published);
	}
	key = &s3_key;
	for (i = 0; i < sizeof(s3) / sizeof(s3[0]); i++) {
		v = &s3[i];
		tap_run(v->name, signs_as_published);
	}
	RUN(the_url_is_what_was_signed);
	RUN(what_is_too_long_is_refused);
	return tap_done();
}
