package api

import (
	"fmt"
	nethttp "net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	digests "waybill/domain/digest"
	operations "waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/domain/workdays"
)

// meaning is an event of the log, with what it says happened.
type meaning struct {
	kind string
	fact domain.Event
	text domain.Text
}

// meanings are those of all events, by category.
var meanings = []meaning{
	{account.Category, account.Opened{}, domain.Text{ZH: "账号已开通", EN: "an account was opened"}},
	{account.Category, account.Certified{}, domain.Text{ZH: "账号的企业已认证", EN: "the account's enterprise was certified"}},
	{account.Category, account.RoleGranted{}, domain.Text{ZH: "已授予工作人员角色", EN: "a role of staff was granted"}},
	{account.Category, account.RoleRevoked{}, domain.Text{ZH: "已收回工作人员角色", EN: "a role of staff was taken back"}},
	{account.Category, account.TokenIssued{}, domain.Text{ZH: "已签发令牌", EN: "a token was issued"}},
	{account.Category, account.TokenRevoked{}, domain.Text{ZH: "令牌已提前撤销", EN: "a token was revoked before its time"}},
	{account.Category, account.Closed{}, domain.Text{ZH: "账号已注销", EN: "the account was closed"}},
	{provider.Category, provider.Applied{}, domain.Text{ZH: "已提交入驻申请（第1版）", EN: "an application was submitted, as revision 1"}},
	{provider.Category, provider.Revised{}, domain.Text{ZH: "已提交申请的新版本", EN: "a later revision of the application was submitted"}},
	{provider.Category, provider.Approved{}, domain.Text{ZH: "申请的一个版本已通过", EN: "a revision of the application was approved"}},
	{provider.Category, provider.FirstApproved{}, domain.Text{ZH: "申请已通过第一次审核", EN: "the application was approved by the first of two"}},
	{provider.Category, provider.ApprovalRevoked{}, domain.Text{ZH: "申请的审核通过已被撤销", EN: "the approval of the application was revoked"}},
	{provider.Category, provider.Rejected{}, domain.Text{ZH: "申请的一个版本已拒绝", EN: "a revision of the application was rejected"}},
	{provider.Category, provider.Suspended{}, domain.Text{ZH: "服务商已暂停", EN: "the provider was suspended"}},
	{provider.Category, provider.Reinstated{}, domain.Text{ZH: "服务商已恢复", EN: "the provider was reinstated"}},
	{provider.Category, provider.PinLimitSet{}, domain.Text{ZH: "运营人员更改了置顶数上限", EN: "an operator changed how many products may be pinned"}},
	{provider.Category, provider.Closed{}, domain.Text{ZH: "服务商已关闭", EN: "the provider was closed"}},
	{product.Category, product.Submitted{}, domain.Text{ZH: "已提交产品（第1版）", EN: "a product was submitted, as revision 1"}},
	{product.Category, product.Revised{}, domain.Text{ZH: "已提交产品的新版本", EN: "a later revision of the product was submitted"}},
	{product.Category, product.Approved{}, domain.Text{ZH: "产品的一个版本已通过", EN: "a revision of the product was approved"}},
	{product.Category, product.Rejected{}, domain.Text{ZH: "产品的一个版本已拒绝", EN: "a revision of the product was rejected"}},
	{product.Category, product.ApprovalRevoked{}, domain.Text{ZH: "产品的审核通过已被撤销", EN: "the approval of the product was revoked"}},
	{product.Category, product.Listed{}, domain.Text{ZH: "产品已上架", EN: "the product was listed"}},
	{product.Category, product.Unlisted{}, domain.Text{ZH: "产品已下架", EN: "the product was unlisted"}},
	{product.Category, product.Pinned{}, domain.Text{ZH: "产品已置顶", EN: "the product was pinned"}},
	{product.Category, product.Unpinned{}, domain.Text{ZH: "产品已取消置顶", EN: "the product was unpinned"}},
	{product.Category, product.TakenDown{}, domain.Text{ZH: "产品已被运营人员强制下架", EN: "an operator took the product down"}},
	{product.Category, product.PlaceMatched{}, domain.Text{ZH: "已登记旧版本目的地的位置", EN: "an older revision's destination was matched"}},
	{product.Category, product.Deleted{}, domain.Text{ZH: "产品已删除", EN: "the product was deleted"}},
	{pins.Category, pins.Taken{}, domain.Text{ZH: "有上限的服务商占用了一个置顶名额", EN: "a slot was taken for a pin under a limit"}},
	{claim.Category, claim.Claimed{}, domain.Text{ZH: "审核人员领取了一件待审事项", EN: "a case was claimed by a reviewer"}},
	{claim.Category, claim.Renewed{}, domain.Text{ZH: "审核人员延长了领取时间", EN: "the claim was renewed"}},
	{claim.Category, claim.Released{}, domain.Text{ZH: "审核人员退回了领取的事项", EN: "the case was handed back"}},
	{claim.Category, claim.Expired{}, domain.Text{ZH: "领取已到期", EN: "the claim's time was over"}},
	{claim.Category, claim.TakenOver{}, domain.Text{ZH: "运营人员收回了领取的事项", EN: "an operator ended the claim"}},
	{claim.Category, claim.DecisionBegun{}, domain.Text{ZH: "开始对该事项作出审核决定", EN: "a decision on the case was under way"}},
	{calendar.Category, calendar.Corrected{}, domain.Text{ZH: "工作日历已更正", EN: "the calendar of working days was corrected"}},
	{canned.Category, canned.Set{}, domain.Text{ZH: "已设置某一原因的常用语", EN: "the canned texts of a reason were set"}},
	{digests.Category, digests.Made{}, domain.Text{ZH: "已生成待审事项日报", EN: "the day's digest of open cases was made"}},
	{booking.Category, booking.Requested{}, domain.Text{ZH: "企业提交了预约", EN: "an enterprise asked about a product"}},
	{booking.Category, booking.Replied{}, domain.Text{ZH: "服务商已回复", EN: "the provider replied"}},
	{booking.Category, booking.Read{}, domain.Text{ZH: "企业已读回复", EN: "the enterprise has read the reply"}},
	{booking.Category, booking.Closed{}, domain.Text{ZH: "预约已关闭", EN: "the booking was closed"}},
	{uscc.Category, uscc.Reserved{}, domain.Text{ZH: "统一社会信用代码已预留", EN: "a unified social credit code was reserved"}},
	{uscc.Category, uscc.Confirmed{}, domain.Text{ZH: "统一社会信用代码已确认", EN: "the reservation of a code was confirmed"}},
	{
		operations.Category,
		operations.DeadLettersRetried{},
		domain.Text{ZH: "运营人员让无法处理的事件重试", EN: "an operator had events that could not be applied tried again"},
	},
	{
		operations.Category,
		operations.DeadLetterSkipped{},
		domain.Text{ZH: "运营人员跳过了无法处理的事件", EN: "an operator skipped an event that could not be applied"},
	},
	{audit.Category, audit.Opened{}, domain.Text{ZH: "审计人员打开了已删除的记录", EN: "an auditor opened what had been deleted"}},
	{audit.Category, audit.Exported{}, domain.Text{ZH: "已导出历史记录", EN: "a part of the history was exported"}},
	{webhook.Category, webhook.Registered{}, domain.Text{ZH: "已登记网络回调", EN: "a webhook was registered"}},
	{webhook.Category, webhook.Changed{}, domain.Text{ZH: "网络回调的目标已更改", EN: "the webhook's target was changed"}},
	{webhook.Category, webhook.SecretRotated{}, domain.Text{ZH: "网络回调的签名密钥已更换", EN: "the webhook's secret was rotated"}},
	{webhook.Category, webhook.Paused{}, domain.Text{ZH: "网络回调已暂停", EN: "the webhook was paused"}},
	{webhook.Category, webhook.Resumed{}, domain.Text{ZH: "网络回调已恢复", EN: "the webhook was resumed"}},
	{webhook.Category, webhook.Removed{}, domain.Text{ZH: "网络回调已移除", EN: "the webhook was removed"}},
}

// ListEventTypes lists every type of event, with its data as a JSON Schema.
func (s *server) ListEventTypes(c echo.Context) error {
	var all EventTypes
	for _, m := range meanings {
		schema, err := schemaOf(reflect.TypeOf(m.fact))
		if err != nil {
			return err
		}
		all.Items = append(all.Items, EventType{Type: m.fact.EventType(), Kind: m.kind, Meaning: textOf(m.text), Schema: schema})
	}
	return answer(c, nethttp.StatusOK, all)
}

// schemaOf is the JSON Schema of what encoding/json makes of a type: of the part of Go that events are made of.
func schemaOf(t reflect.Type) (map[string]any, error) {
	switch {
	case t == reflect.TypeFor[uuid.UUID]():
		return map[string]any{"type": "string", "format": "uuid"}, nil
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}, nil
	}
	if t == reflect.TypeFor[workdays.Day]() {
		return map[string]any{"type": "string", "format": "date"}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}, nil
	case reflect.Bool:
		return map[string]any{"type": "boolean"}, nil
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64, reflect.Uint32:
		return map[string]any{"type": "integer"}, nil
	case reflect.Float64:
		return map[string]any{"type": "number"}, nil
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		items, err := schemaOf(t.Elem())
		return map[string]any{"type": "array", "items": items}, err
	case reflect.Struct:
		return objectSchema(t)
	}
	return nil, fmt.Errorf("%s: no JSON Schema for it", t)
}

func objectSchema(t reflect.Type) (map[string]any, error) {
	properties, required := map[string]any{}, []string{}
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue // its fields stand beside the others
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		schema, err := schemaOf(field.Type)
		if err != nil {
			return nil, err
		}
		properties[name] = schema
		if strings.Contains(options, "omit") {
			continue
		}
		required = append(required, name)
		if k := field.Type.Kind(); k == reflect.Pointer || k == reflect.Slice {
			schema["type"] = []any{schema["type"], "null"} // it is there in any case
		}
	}
	slices.Sort(required)
	return map[string]any{"type": "object", "additionalProperties": false, "required": required, "properties": properties}, nil
}
