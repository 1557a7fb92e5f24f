/* `iret` enters a frame that the guest wrote: EIP, CS, EFLAGS and the virtual interrupt flag in one act; IOPL and VM of the
   image are ignored, bit 1 is forced, EAX and every other register stay. */
#include "check.h"

GUEST(I1, iret_restores);

#define TF 0x100u
/* Bits of the image that come back: all that PUSHF shows, IF always set. */
#define RESTORED 0x244dd5u

uint32_t iret_image, iret_stub, iret_eax, iret_ecx, iret_flags, iret_mask_now, iret_mask;
static volatile uint32_t steps, step_eip;
void enter_frame(void);
extern const char frame_target[], frame_second[];

__asm__(".pushsection .text\n"
        "enter_frame:\n"
        "    pushal\n"
        "    movl $0x0a0a0a0a, %eax\n"
        "    movl $0x0c0c0c0c, %ecx\n"
        "    pushl iret_image\n"
        "    pushl $0x23\n"
        "    pushl $frame_target\n"
        "    jmp *iret_stub\n"
        "    ud2\n"
        "frame_target:\n"
        "    pushfl\n"
        "frame_second:\n"
        "    popl iret_flags\n"
        "    pushl $2\n"
        "    popfl\n"
        "    movl %eax, iret_eax\n"
        "    movl %ecx, iret_ecx\n"
        "    movl iret_mask, %eax\n"
        "    movl (%eax), %eax\n"
        "    movl %eax, iret_mask_now\n"
        "    popal\n"
        "    ret\n"
        ".popsection\n");

static void on_step(struct pv_trap_frame *frame)
{
    if (steps++ == 0)
        step_eip = frame->eip;
}

static void check_image(uint32_t image)
{
    iret_image = image;
    enter_frame();
    CHECK_EQUAL(iret_flags & ~TF, (image & RESTORED & ~TF) | PV_INTERRUPT_FLAG | 2);
    CHECK_EQUAL(iret_eax, 0x0a0a0a0a);
    CHECK_EQUAL(iret_ecx, 0x0c0c0c0c);
    CHECK_EQUAL(iret_mask_now == 0, (image & PV_INTERRUPT_FLAG) != 0);
}

void check(void)
{
    CHECK_EQUAL(pv_trap_set(1, 0, on_step), 0);
    iret_stub = check_stub(PV_CALL_IRET);
    iret_mask = check_address(&check_shared()->mask);
    check_image(0);
    check_image(PV_INTERRUPT_FLAG);
    check_image(0xffffffff & ~TF);
    check_image(0xffffffff & ~TF & ~PV_INTERRUPT_FLAG);
    check_image(0x23000 | PV_INTERRUPT_FLAG);
    for (uint32_t bit = 0; bit < 32; bit++)
        if (1u << bit != TF)
            check_image(1u << bit);
    CHECK_EQUAL(steps, 0);
    /* The trap flag acts after the first instruction of the target. */
    check_image(TF);
    CHECK(steps != 0);
    CHECK_EQUAL(step_eip, check_address(frame_second));
}
