/*
 * libkmip_p11.so: a PKCS#11 provider whose keys live on KMIP servers.
 *
 * Include a pkcs11.h before this file; one of version 2.40 has no interfaces, and gets none. The
 * library exports these three functions and nothing else; all others are reached through the lists
 * that they give.
 */
#ifndef KMIP_P11_H
#define KMIP_P11_H

#ifdef __cplusplus
extern "C" {
#endif

/* The name of the interfaces of version 2.40, 3.0 and 3.2. */
#define KMIP_P11_INTERFACE "PKCS 11"

/* The environment variable that names the configuration file. */
#define KMIP_P11_CONFIG_VARIABLE "KMIP_P11_CONFIG"

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);
#if CRYPTOKI_VERSION_MAJOR >= 3
CK_RV C_GetInterfaceList(CK_INTERFACE *interfaces, CK_ULONG *count);
CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface,
                     CK_FLAGS flags);
#endif

#ifdef __cplusplus
}
#endif

#endif
