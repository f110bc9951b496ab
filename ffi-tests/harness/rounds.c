/*
 * Rounds of a C program with the module, for Valgrind and the sanitizers: begins, lists, signs, verifies, digests,
 * encrypts, makes and destroys objects, works in threads, ends, unloads.
 *
 *   rounds MODULE ROUNDS THREADS
 *
 * Exit status 0 means that every call answered as it should; what did not is told on stderr.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;

typedef struct { unsigned char major, minor; } CK_VERSION;
typedef struct { CK_ULONG type; void *value; CK_ULONG length; } CK_ATTRIBUTE;
typedef struct { CK_ULONG mechanism; void *parameter; CK_ULONG length; } CK_MECHANISM;

/* The function list of 2.40 as it lies in memory: the version, and pointers in the specification's order. */
typedef struct { CK_VERSION version; void *function[68]; } CK_FUNCTION_LIST;

enum {
  Initialize = 0, Finalize = 1, GetInfo = 2, GetSlotList = 4, GetTokenInfo = 6, GetMechanismList = 7,
  OpenSession = 12, CloseSession = 13, Login = 18, CreateObject = 20, DestroyObject = 22,
  GetAttributeValue = 24, FindObjectsInit = 26, FindObjects = 27, FindObjectsFinal = 28,
  EncryptInit = 29, Encrypt = 30, DecryptInit = 33, Decrypt = 34, DigestInit = 37, Digest = 38,
  SignInit = 42, Sign = 43, VerifyInit = 48, Verify = 49, GenerateRandom = 64
};

enum {
  CKA_CLASS = 0, CKA_LABEL = 3, CKA_VALUE = 0x11, CKA_KEY_TYPE = 0x100, CKA_ENCRYPT = 0x104, CKA_DECRYPT = 0x105,
  CKO_PUBLIC_KEY = 2, CKO_PRIVATE_KEY = 3, CKO_SECRET_KEY = 4, CKK_AES = 0x1f,
  CKM_SHA256_RSA_PKCS = 0x40, CKM_SHA256 = 0x250, CKM_AES_CBC_PAD = 0x1085, CKM_ECDSA = 0x1041,
  CKF_SESSION = 4 | 2
};

static CK_FUNCTION_LIST *list;

#define CALL(name, ...) ((CK_RV (*)())list->function[name])(__VA_ARGS__)
#define MUST(name, ...)                                                                      \
  do {                                                                                       \
    CK_RV rv = CALL(name, __VA_ARGS__);                                                      \
    if (rv != 0) { fprintf(stderr, "%s: %#lx (line %d)\n", #name, rv, __LINE__); exit(1); } \
  } while (0)

static CK_ULONG find(CK_ULONG session, CK_ULONG class, const char *label) {
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
  CK_ULONG object = 0, found = 0;
  MUST(FindObjectsInit, session, wanted, 2UL);
  MUST(FindObjects, session, &object, 1UL, &found);
  MUST(FindObjectsFinal, session);
  if (found != 1) { fprintf(stderr, "no %s\n", label); exit(1); }
  return object;
}

static void signs(CK_ULONG session, CK_ULONG mechanism, const char *label, CK_ULONG length) {
  unsigned char data[32] = {7}, signature[512];
  CK_ULONG size = sizeof signature;
  CK_MECHANISM by = {mechanism, NULL, 0};
  CK_ULONG private = find(session, CKO_PRIVATE_KEY, label), public = find(session, CKO_PUBLIC_KEY, label);
  MUST(SignInit, session, &by, private);
  MUST(Sign, session, data, 32UL, signature, &size);
  if (size != length) { fprintf(stderr, "%s: %lu bytes\n", label, size); exit(1); }
  MUST(VerifyInit, session, &by, public);
  MUST(Verify, session, data, 32UL, signature, size);
}

static void encrypts(CK_ULONG session) {
  CK_ULONG class = CKO_SECRET_KEY, type = CKK_AES, key = 0;
  unsigned char value[32] = {1}, iv[16] = {2}, plain[100] = {3}, secret[128], opened[128], yes = 1;
  CK_ULONG secret_size = sizeof secret, opened_size = sizeof opened;
  CK_ATTRIBUTE wanted[] = {
    {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_VALUE, value, sizeof value},
    {CKA_ENCRYPT, &yes, 1}, {CKA_DECRYPT, &yes, 1}};
  CK_MECHANISM by = {CKM_AES_CBC_PAD, iv, sizeof iv};
  MUST(CreateObject, session, wanted, 5UL, &key);
  MUST(EncryptInit, session, &by, key);
  MUST(Encrypt, session, plain, (CK_ULONG)sizeof plain, secret, &secret_size);
  MUST(DecryptInit, session, &by, key);
  MUST(Decrypt, session, secret, secret_size, opened, &opened_size);
  if (opened_size != sizeof plain || memcmp(opened, plain, sizeof plain)) { fputs("another text\n", stderr); exit(1); }
  MUST(DestroyObject, session, key);
}

static void *work(void *slot) {
  unsigned char digest[32], random[16], data[3] = "abc";
  CK_ULONG session = 0, size = sizeof digest;
  CK_MECHANISM by = {CKM_SHA256, NULL, 0};
  MUST(OpenSession, *(CK_ULONG *)slot, (CK_ULONG)CKF_SESSION, NULL, NULL, &session);
  signs(session, CKM_SHA256_RSA_PKCS, "rsa", 256);
  signs(session, CKM_ECDSA, "p256", 64);
  MUST(DigestInit, session, &by);
  MUST(Digest, session, data, 3UL, digest, &size);
  MUST(GenerateRandom, session, random, (CK_ULONG)sizeof random);
  encrypts(session);
  MUST(CloseSession, session);
  return NULL;
}

static void round_of(const char *path, int threads) {
  void *module = dlopen(path, RTLD_NOW);
  CK_RV (*get)(CK_FUNCTION_LIST **) = module ? (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(module, "C_GetFunctionList") : NULL;
  CK_ULONG slot = 0, slots = 1;
  pthread_t thread[16];
  if (!get || get(&list) != 0) { fprintf(stderr, "%s: no module\n", path); exit(1); }
  MUST(Initialize, NULL);
  MUST(GetSlotList, 1, &slot, &slots);
  for (int i = 0; i < threads; i++) pthread_create(&thread[i], NULL, work, &slot);
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  work(&slot);
  MUST(Finalize, NULL);
  dlclose(module);
}

int main(int count, char **arguments) {
  if (count != 4 || atoi(arguments[3]) > 16) { fputs("rounds MODULE ROUNDS THREADS\n", stderr); return 2; }
  for (int i = 0; i < atoi(arguments[2]); i++) round_of(arguments[1], atoi(arguments[3]));
  puts("done");
  return 0;
}
