/* A peer that protects and opens packets with libsrtp, for the tests.
 *
 *   srtp_peer SUITE KEY MKI RTP-SERVICES RTCP-SERVICES
 *
 * KEY is master key and salt, MKI the identifier or "-", both in hexadecimal digits; services are "both", "conf" or "auth".
 * Each line read is a letter and a packet in hexadecimal digits: P protects RTP, U opens it, p and u do so with RTCP. Each
 * line written is the result, or "error" and libsrtp's number for it.
 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

typedef void (*set_policy)(srtp_crypto_policy_t *);

struct suite {
    const char *name;
    set_policy rtp, rtcp;
};

static const struct suite suites[] = {
    {"AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default},
    {"AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default},
    {"AES_192_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
    {"AES_192_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
    {"AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {"AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth},
    {"NULL_HMAC_SHA1_80", srtp_crypto_policy_set_null_cipher_hmac_sha1_80, srtp_crypto_policy_set_null_cipher_hmac_sha1_80},
};

static int from_hex(const char *text, unsigned char *out, int room)
{
    int length = 0;
    unsigned byte;
    while (length < room && sscanf(text, "%2x", &byte) == 1) {
        out[length++] = (unsigned char)byte;
        text += 2;
    }
    return length;
}

static srtp_sec_serv_t services(const char *name)
{
    if (!strcmp(name, "conf"))
        return sec_serv_conf;
    return strcmp(name, "auth") ? sec_serv_conf_and_auth : sec_serv_auth;
}

int main(int argc, char **argv)
{
    static unsigned char key[64], mki[128];
    static char line[20000];
    static unsigned char packet[10000];
    srtp_master_key_t master = {.key = key, .mki_id = mki};
    srtp_master_key_t *masters[] = {&master};
    srtp_policy_t policy = {0};
    srtp_t sender, receiver;
    unsigned i, use_mki;

    if (argc != 6 || srtp_init() != srtp_err_status_ok)
        return 2;
    for (i = 0; i < sizeof suites / sizeof *suites && strcmp(suites[i].name, argv[1]); i++)
        ;
    if (i == sizeof suites / sizeof *suites)
        return 3;
    suites[i].rtp(&policy.rtp);
    suites[i].rtcp(&policy.rtcp);
    policy.rtp.sec_serv = services(argv[4]);
    policy.rtcp.sec_serv = services(argv[5]);
    if (policy.rtp.sec_serv == sec_serv_conf)
        policy.rtp.auth_tag_len = 0;
    from_hex(argv[2], key, sizeof key);
    use_mki = argv[3][0] != '-';
    master.mki_size = use_mki ? from_hex(argv[3], mki, sizeof mki) : 0;
    policy.keys = masters;
    policy.num_master_keys = 1;
    policy.window_size = 128;
    policy.ssrc.type = ssrc_any_outbound;
    if (srtp_create(&sender, &policy) != srtp_err_status_ok)
        return 4;
    policy.ssrc.type = ssrc_any_inbound;
    if (srtp_create(&receiver, &policy) != srtp_err_status_ok)
        return 4;

    while (fgets(line, sizeof line, stdin)) {
        int length = from_hex(line + 1, packet, sizeof packet - 256), status;
        switch (line[0]) {
        case 'P':
            status = srtp_protect_mki(sender, packet, &length, use_mki, 0);
            break;
        case 'U':
            status = srtp_unprotect_mki(receiver, packet, &length, use_mki);
            break;
        case 'p':
            status = srtp_protect_rtcp_mki(sender, packet, &length, use_mki, 0);
            break;
        default:
            status = srtp_unprotect_rtcp_mki(receiver, packet, &length, use_mki);
            break;
        }
        if (status != srtp_err_status_ok) {
            printf("error %d\n", status);
        } else {
            for (int at = 0; at < length; at++)
                printf("%02x", packet[at]);
            putchar('\n');
        }
        fflush(stdout);
    }
    return 0;
}
