/* SoftHSM2 with faults on demand: what the file FAULT_FILE says happens at the next C_SignInit or C_Sign. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
struct list { unsigned char version[2]; void *functions[68]; };

/* Places in CK_FUNCTION_LIST (PKCS#11 2.40). */
enum { GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, CLOSE_ALL = 14, SIGN_INIT = 42, SIGN = 43 };

static struct list real, ours;
static ulong slot;

static const char *path(void) { return getenv("FAULT_FILE"); }

static int read_fault(char *text, size_t size) {
    FILE *file = fopen(path(), "r");
    if (!file) return 0;
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = 0;
    return length > 0;
}

static int is(const char *wanted) {
    char text[64];
    return read_fault(text, sizeof text) && !strcmp(text, wanted);
}

static ulong sign_init(ulong session, void *mechanism, ulong key) {
    char text[64];
    if (read_fault(text, sizeof text)) {
        if (is("removed")) return 0x32; /* CKR_DEVICE_REMOVED */
        if (!is("wrong")) unlink(path());
        if (!strcmp(text, "crash")) *(volatile int *)0 = 1;
        if (!strcmp(text, "hang")) for (;;) pause();
        if (!strcmp(text, "closed")) ((ulong (*)(ulong))real.functions[CLOSE_ALL])(slot);
        if (text[0] == '0') return strtoul(text, NULL, 0);
    }
    return ((ulong (*)(ulong, void *, ulong))real.functions[SIGN_INIT])(session, mechanism, key);
}

static ulong sign(ulong session, void *data, ulong length, unsigned char *signature, ulong *room) {
    ulong answer = ((ulong (*)(ulong, void *, ulong, void *, ulong *))real.functions[SIGN])(
        session, data, length, signature, room);
    if (!answer && signature && is("wrong")) signature[0] ^= 1;
    return answer;
}

static ulong open_session(ulong id, ulong flags, void *application, void *notify, ulong *session) {
    if (is("removed")) return 0xE0; /* CKR_TOKEN_NOT_PRESENT */
    slot = id;
    return ((ulong (*)(ulong, ulong, void *, void *, ulong *))real.functions[OPEN_SESSION])(
        id, flags, application, notify, session);
}

static ulong token_info(ulong id, void *info) {
    if (is("removed")) return 0xE0;
    return ((ulong (*)(ulong, void *))real.functions[GET_TOKEN_INFO])(id, info);
}

static ulong slot_list(unsigned char present, ulong *slots, ulong *count) {
    if (present && is("removed")) {
        *count = 0;
        return 0;
    }
    return ((ulong (*)(unsigned char, ulong *, ulong *))real.functions[GET_SLOT_LIST])(present, slots, count);
}

ulong C_GetFunctionList(struct list **list) {
    void *module = dlopen(getenv("REAL_MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (!module) return 5; /* CKR_GENERAL_ERROR */
    ulong (*get)(struct list **) = (ulong (*)(struct list **))dlsym(module, "C_GetFunctionList");
    struct list *found;
    if (!get || get(&found)) return 5;
    real = ours = *found;
    ours.functions[SIGN_INIT] = sign_init;
    ours.functions[SIGN] = sign;
    ours.functions[OPEN_SESSION] = open_session;
    ours.functions[GET_TOKEN_INFO] = token_info;
    ours.functions[GET_SLOT_LIST] = slot_list;
    *list = &ours;
    return 0;
}
