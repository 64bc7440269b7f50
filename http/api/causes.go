package api

import "waybill/domain"

// causes say, for each code that can be answered, why and what to do about it.
var causes = map[string]domain.Text{
	"account_closed": {
		ZH: "该账号已注销。它仍可查看自己的过往数据，但不能再更改。",
		EN: "The account was closed. It can still read what was its own, and change nothing.",
	},
	"account_exists": {ZH: "已有同编号的账号。", EN: "There is an account with this id."},
	"account_has_provider": {
		ZH: "账号的服务商尚未关闭，关闭账号后其产品将无人负责。先关闭服务商。",
		EN: "The account's provider is not closed, and its products would stay public with nobody to " +
			"answer for them. Close the provider first.",
	},
	"already_applied": {ZH: "每个账号只有一份服务商申请。请改用 PUT 修改。", EN: "An account has one application. Revise it with PUT."},
	"already_decided": {ZH: "该版本已由审核员通过或拒绝。", EN: "A reviewer has approved or rejected this revision."},
	"already_replied": {
		ZH: "每个预约只能回复一次；回复后也不能撤回。",
		EN: "A booking is replied to once, and cannot be withdrawn after that.",
	},
	"already_requested": {ZH: "同编号的预约已存在。", EN: "There is a booking with this id."},
	"already_submitted": {ZH: "同编号的产品已存在。", EN: "There is a product with this id."},
	"bad_request": {
		ZH: "请求不是有效的 HTTP 请求，例如请求体未传完。",
		EN: "The request is not sound HTTP, such as a body cut short.",
	},
	"body_too_large": {
		ZH: "请求体超过 1 MiB，或上传的文件超过 4 MiB。图片请先上传，只提交其摘要。",
		EN: "The body is larger than 1 MiB, or an uploaded file than 4 MiB. Images are uploaded first; then only their digests are sent.",
	},
	"booking_closed": {
		ZH: "预约已撤回，或其产品、服务商、预约企业已不在，不再需要回复。",
		EN: "It was withdrawn, or its product, provider or enterprise is gone: no reply is expected any more.",
	},
	"case_claimed": {
		ZH: "另一审核员已领取该案件；claim 给出是谁、到何时为止。到期、交还或由运营人员接管后方可领取或审核。",
		EN: "Another reviewer has the case; claim says who and until when. It is free once that is over, or handed back, or taken over.",
	},
	"certified_for_another_enterprise": {
		ZH: "账号认证后，统一社会信用代码不可变更。",
		EN: "The code of a certified account does not change.",
	},
	"claim_expired": {
		ZH: "领取的时限已过。重新领取后再决定，或不带 claim 决定。",
		EN: "The claim's time is over. Claim the case again, or decide without naming a claim.",
	},
	"claim_lost": {
		ZH: "所指的领取已交还、被接管、已用于决定，或由后来的领取取代。",
		EN: "The named claim was handed back or taken over, was decided under, or another one followed it.",
	},
	"content_differs": {
		ZH: "digest 不是该版本内容的摘要：审核页面已过时。重新读取后再决定。",
		EN: "The digest is not that of this revision's content: the page is out of date. Read it again and decide.",
	},
	"contention": {
		ZH: "同一对象同时被多次更改，多次重试仍未成功。稍后再发一次。",
		EN: "The same object was changed by many at once, and retries did not get through. Send it again.",
	},
	"empty_body": {ZH: "该操作需要请求体：一个 JSON 对象，或上传时一个文件。", EN: "The operation needs a body: one JSON object, or to upload, a file."},
	"enterprise_closed": {
		ZH: "预约企业的账号已注销，回复不会有人阅读。",
		EN: "The account of the enterprise that booked is closed: nobody would read the reply.",
	},
	"enterprise_not_certified": {ZH: "账号尚未完成企业认证。", EN: "The account's enterprise has not been certified."},
	"event_store_refuses": {
		ZH: "系统访问事件存储所用的凭据或权限已失效，请求未生效，须由运维人员处理。",
		EN: "The event store does not take this system's credentials or rights; nothing took effect. Its operators have to mend that.",
	},
	"exports_busy": {
		ZH: "本节点同时进行的导出已达上限。稍后再试。",
		EN: "As many exports go on at this node as it has room for. Try again later.",
	},
	"forbidden": {
		ZH: "令牌没有该操作所需的角色（见 x-roles）。",
		EN: "The token has none of the operation's roles (x-roles).",
	},
	"idempotency_key_reused": {
		ZH: "同一 Idempotency-Key 先前用于内容不同的请求。换一个新的键。",
		EN: "The same Idempotency-Key was sent with another body before. Choose a new one.",
	},
	"image_quota_reached": {
		ZH: "账号今日（北京时间）上传的图片数量或字节数已达上限，被拒绝的也计入。Retry-After 为距次日零时的秒数。",
		EN: "The account has sent as many images or bytes today (Beijing) as it may, refused ones included. Retry-After is until midnight.",
	},
	"images_unavailable": {
		ZH: "图片存储（文件夹或 S3）暂时不可达或已满。",
		EN: "The store of images, a folder or S3, cannot be reached for now, or is full.",
	},
	"internal": {
		ZH: "服务器出错。请将 request_id 告知运营人员，日志中有原因。",
		EN: "A fault on our side. Tell the operators the request_id: the log has the cause.",
	},
	"invalid_input": {
		ZH: "一处或多处输入有误；errors 逐一列出位置与原因。",
		EN: "The input has one or more mistakes; errors lists each with its place.",
	},
	"log_changed": {
		ZH: "事件存储被恢复到较早的备份，或被换成了另一个；读模型与之不符，运营人员须运行 waybill rebuild all。写入已记入现有日志，重建后即可读取。",
		EN: "The event store was put back to an older backup, or is another one, and the read models do not fit it; operators run " +
			"\"waybill rebuild all\". What is written is in the log that there is, and can be read when they are built anew.",
	},
	"malformed_json":  {ZH: "请求体不是有效的 UTF-8 JSON。", EN: "The body is not JSON in UTF-8."},
	"malformed_query": {ZH: "查询字符串的百分号编码有误。", EN: "The query string is not percent-encoded correctly."},
	"method_not_allowed": {
		ZH: "该地址没有此方法；Allow 列出可用的。",
		EN: "The address does not take this method; Allow lists those it does.",
	},
	"no_such_operator": {
		ZH: "日志中没有此编号的操作员账号。",
		EN: "The log knows no operator's account of this id.",
	},
	"no_approval": {
		ZH: "没有任何版本处于已通过状态：从未通过，或已被撤销。",
		EN: "No revision is approved: none ever was, or the approval has been revoked.",
	},
	"not_attempted": {
		ZH: "批量审核的时间已到，该项未处理。用相同的 Idempotency-Key 再发一次。",
		EN: "The time for many decisions was over before it was this one's turn. Send it again with the same Idempotency-Key.",
	},
	"not_claimed": {ZH: "案件现在无人领取，没有可交还或接管的。", EN: "Nobody has the case now: there is nothing to hand back or to take over."},
	"not_deleted": {
		ZH: "只有已删除的记录需要打开。该记录可直接回放。",
		EN: "Only what was deleted has to be opened. This record can be replayed as it is.",
	},
	"not_found": {
		ZH: "没有该对象，或它不属于您，或已删除。",
		EN: "There is no such object, or it is not yours, or it was deleted.",
	},
	"not_one_file": {
		ZH: "multipart/form-data 须格式正确，且只含一个文件。",
		EN: "The multipart/form-data is malformed, or has no part, or more than one.",
	},
	"not_ready": {
		ZH: "数据库不可达或读模型落后，暂不应接收流量。",
		EN: "The database cannot be reached or a read model lags: no traffic should come here.",
	},
	"not_replied": {ZH: "预约还没有回复，无从标记已读。", EN: "There is no reply that could be marked as read."},
	"opening_needed": {
		ZH: "该产品已删除，审计人员须先以 POST /api/v1/audit/openings 说明理由并打开；打开只对本人有效，到期后须重新打开。历史中的其余部分无需打开。",
		EN: "The product was deleted. An auditor opens it first, with a reason (POST /api/v1/audit/openings), for this auditor alone " +
			"and for a time; when that is over it is opened again. What the history still has of it needs no opening.",
	},
	"outcome_unknown": {
		ZH: "与存储的连接在写入时中断，不知是否生效。用相同的 Idempotency-Key 再发一次，不会重复生效。",
		EN: "The connection to the store broke while writing. Send it again with the same Idempotency-Key: it takes effect once.",
	},
	"own_case": {ZH: "审核员不能审核自己提交的内容。", EN: "Nobody decides on what they submitted themselves."},
	"own_enterprise": {
		ZH: "审核员与提交者属同一企业（同一统一社会信用代码）。由其他审核员审核。",
		EN: "The reviewer is of the enterprise that submitted it, by its unified social credit code. Another reviewer decides.",
	},
	"own_product": {ZH: "企业不能预约自己的产品。", EN: "An enterprise cannot book its own product."},
	"pin_limit_reached": {
		ZH: "置顶数已达运营人员设定的上限。先取消其他产品的置顶。",
		EN: "As many products are pinned as the operator allows. Unpin another first.",
	},
	"position_not_shown": {
		ZH: "as_of 晚于历史记录当前显示的最新位置。稍后再试，或不填 as_of。",
		EN: "as_of is later than what the history shows by now. Try again later, or leave it out.",
	},
	"precondition_failed": {
		ZH: "If-Match 中的版本已过时。重新读取后再改。",
		EN: "The revision in If-Match is not the latest. Read again, then change.",
	},
	"product_never_public": {
		ZH: "产品没有已通过审核的版本，并未公开。请在审核中拒绝。",
		EN: "No revision of it is approved, so it is not public. Reject it in review.",
	},
	"product_not_approved": {ZH: "产品尚无通过审核的版本。", EN: "No revision of the product is approved."},
	"product_not_available": {
		ZH: "产品现在不公开：未上架、被下架，或其服务商被暂停或关闭。",
		EN: "The product is not public now: not listed, taken down, or its provider is suspended or closed.",
	},
	"product_taken_down": {
		ZH: "运营人员已强制下架该产品。修改后重新送审，通过后即可上架。",
		EN: "An operator took the product down. Revise it; once that revision is approved it can be listed.",
	},
	"provider_approval_revoked": {
		ZH: "服务商的审核通过已被撤销，暂停期间不能恢复。先重新通过审核。",
		EN: "The provider's approval was revoked while it is suspended. It has to be approved again first.",
	},
	"provider_closed": {
		ZH: "服务商已被运营人员关闭，不可恢复；仍可查看。",
		EN: "An operator closed the provider for good; it can still read.",
	},
	"provider_not_active":   {ZH: "服务商尚未通过审核。", EN: "The provider is not approved."},
	"provider_not_approved": {ZH: "服务商申请尚未通过审核。", EN: "The application was not approved yet."},
	"provider_suspended": {
		ZH: "服务商被运营人员暂停，其间不能发布；原因见自己的申请。",
		EN: "An operator suspended the provider; its application says why.",
	},
	"provider_type_fixed": {ZH: "首次通过审核后，服务商类型不可变更。", EN: "The type is fixed by the first approval."},
	"range_not_satisfiable": {
		ZH: "Range 从文件末尾之后开始；Content-Range 为文件的长度。",
		EN: "The Range begins beyond the end of the file; Content-Range has its length.",
	},
	"read_model_behind": {
		ZH: "所指位置的数据尚未处理到。稍后重试。",
		EN: "The data up to the named position is not shown yet. Try again in a moment.",
	},
	"role_not_held": {
		ZH: "账号已不再具有令牌所列的角色。请运营人员重新授予并签发令牌。",
		EN: "The account holds none of the token's roles any more. Ask an operator for the role and a new token.",
	},
	"second_approver": {
		ZH: "入驻申请须由两人分别通过，第一次通过正是您做出的。等待另一名审核员。",
		EN: "Two persons have to approve an application, and the first approval is yours. Another reviewer has to give the second.",
	},
	"stale_revision": {
		ZH: "审核的不是最新一版内容，或要撤销的不是线上版本。重新读取后再决定。",
		EN: "The decision was on a revision that is not the latest, or the revocation on one that is not live. Read it again and decide.",
	},
	"store_unavailable": {
		ZH: "事件存储暂时不可达，请求未生效。",
		EN: "The event store cannot be reached for now; nothing took effect.",
	},
	"stream_deleted": {
		ZH: "有人绕过 Waybill，直接在事件存储中删除或截断了该记录的历史，无法据以决定。请将 request_id 告知运营人员；重试无用。",
		EN: "Somebody deleted or truncated the history of the record in the event store itself, beside Waybill, so nothing can be " +
			"decided on it. Tell the operators the request_id; trying again does not help.",
	},
	"test_under_way": {
		ZH: "同一账号同时只能发送一条测试消息，包括发往其他回调的。",
		EN: "An account has one test message under way at a time, whichever webhook it goes to.",
	},
	"token_expired": {ZH: "令牌已过有效期。", EN: "The token is past its lifetime."},
	"token_revoked": {ZH: "令牌已被运营人员撤销。", EN: "An operator revoked the token."},
	"token_unknown": {ZH: "没有这样的令牌，可能抄写不全。", EN: "There is no such token; it may have been copied in part."},
	"too_deep":      {ZH: "JSON 嵌套超过 32 层。", EN: "The JSON is nested more than 32 levels deep."},
	"too_large":     {ZH: "事件超过存储所能接受的大小。", EN: "The event is larger than the store takes."},
	"too_many_own_readers": {
		ZH: "该账号同时关注事件流的连接已达上限。关闭不用的连接后再试。",
		EN: "The account follows the feed as often at once as it may. Close the connections that are of no use.",
	},
	"too_many_readers": {
		ZH: "该节点上关注事件流的连接已达上限。稍后重试。",
		EN: "As many follow the feed on this node as may. Try again in a moment.",
	},
	"too_many_exports": {
		ZH: "同一账号同时进行的导出不能超过两个。待其完成后再试。",
		EN: "An account has two exports at a time. Wait until one is over.",
	},
	"too_many_rows": {
		ZH: "Excel 工作表最多 1,048,576 行，含表头。请改用 format=csv，或缩小范围。",
		EN: "An Excel sheet has 1,048,576 rows, the header included. Ask for format=csv, or for less.",
	},
	"too_many_waiting": {
		ZH: "同时等待某一位置的读取过多。稍后重试，或不带 Waybill-Position 读取。",
		EN: "Too many reads wait for a position at once. Try again, or read without Waybill-Position.",
	},
	"too_soon": {
		ZH: "未经审核就多次提交。请在 Retry-After 所示秒数后再提交，或等待审核结果。",
		EN: "It was submitted many times without a decision. Wait for the seconds in Retry-After, or for the decision.",
	},
	"unauthorized": {
		ZH: "请求没有恰好一个格式正确的 Authorization: Bearer 令牌。",
		EN: "The request has not exactly one well-formed Authorization: Bearer token.",
	},
	"unavailable": {ZH: "数据库暂时不可达或超时。", EN: "The database cannot be reached for now, or took too long."},
	"unexpected_body": {
		ZH: "该操作不接受请求体。",
		EN: "The operation takes no body; send none.",
	},
	"unknown_route": {ZH: "该地址不存在；全部地址见 /docs。", EN: "There is nothing at this address; /docs lists all."},
	"upload_too_slow": {
		ZH: "文件未能在一分钟内传完。", EN: "The file did not arrive within a minute.",
	},
	"unsupported_media_type": {
		ZH: "Content-Type 须为 application/json（UTF-8），上传时须为规范所列之一；不带压缩。",
		EN: "Content-Type must be application/json in UTF-8, or to upload, one that the specification lists; without compression.",
	},
	"uscc_fixed":     {ZH: "首次通过审核后，统一社会信用代码不可变更。", EN: "The code is fixed by the first approval."},
	"uscc_taken":     {ZH: "另一账号的服务商使用该统一社会信用代码。", EN: "Another account's provider has this code."},
	"webhook_exists": {ZH: "同编号的回调已存在。", EN: "There is a webhook with this id."},
	"webhook_limit_reached": {
		ZH: "每个服务商与运营人员各自最多有10个回调，已删除的不计。",
		EN: "A provider has ten webhooks at most, and so have the operators together; removed ones do not count.",
	},
	"webhook_removed": {ZH: "回调已删除，不能恢复。请另行登记。", EN: "The webhook was removed, for good. Register another one."},
	"too_many_secrets": {
		ZH: "三个密钥同时有效。等待最早的失效，或以 overlap_seconds 为 0 立即停用旧密钥。",
		EN: "Three secrets are valid at once. Wait until one has retired, or retire the earlier ones at once with an overlap of 0.",
	},
}

// mistakes are the codes of single mistakes in errors, each with what it says in general; the answer itself names the field and limit.
var mistakes = map[string]domain.Text{
	"bad_bbox": {
		ZH: "范围须为以逗号分隔的四个度数：西、南、东、北。",
		EN: "The box must be four numbers of degrees with commas: west, south, east, north.",
	},
	"bad_cursor": {ZH: "分页游标不是该列表给出的。", EN: "The cursor is not one that this list gave."},
	"bad_date":   {ZH: "日期须为 YYYY-MM-DD，且存在。", EN: "A date must be YYYY-MM-DD, and exist."},
	"bad_digest": {ZH: "内容摘要须为64位小写十六进制数字。", EN: "The digest of content must be 64 lower-case hexadecimal digits."},
	"bad_etag": {
		ZH: "If-Match 须为接口给出的一个 ETag（可为弱形式）或 *。",
		EN: "If-Match must be one ETag as an answer gave it, also in its weak form, or *.",
	},
	"bad_format": {ZH: "值不符合该参数的格式。", EN: "The value does not have the parameter's form."},
	"bad_image_reference": {
		ZH: "图片须以 sha256: 加 64 位小写十六进制摘要引用。",
		EN: "An image is named by sha256: and 64 lower-case hex digits.",
	},
	"bad_number": {ZH: "须为十进制数，如 18.2528。", EN: "Must be a decimal number, such as 18.2528."},
	"bad_phone": {
		ZH: "须为大陆手机、座机或400/800号码。",
		EN: "Must be a mobile, landline or 400 or 800 number of the mainland.",
	},
	"bad_pointer":        {ZH: "须为以 / 开头的 JSON 指针。", EN: "Must be a JSON pointer, which begins with /."},
	"bad_range":          {ZH: "范围的终点须晚于起点。", EN: "The end of a range must be later than its start."},
	"bad_time":           {ZH: "须为 RFC 3339 时间。", EN: "Must be an RFC 3339 time."},
	"bad_uscc":           {ZH: "不是有效的18位统一社会信用代码。", EN: "Not a valid code of 18 characters."},
	"bad_uuid":           {ZH: "须为36个字符的 UUID。", EN: "Must be a UUID of 36 characters."},
	"bad_position":       {ZH: "须为日志中的位置或 RFC 3339 时刻。", EN: "It must be a position in the log, or a time in RFC 3339."},
	"before_the_log":     {ZH: "日志在此之前尚无事件。", EN: "The log has no event up to then."},
	"control_characters": {ZH: "含有不可见的控制字符或方向符。", EN: "Has control characters or marks of direction."},
	"empty_bbox":         {ZH: "范围没有宽度或高度；南须小于北。", EN: "The box has no width or no height; south must be less than north."},
	"image_broken": {
		ZH: "图片已损坏、不完整，或解码失败。重新导出后再上传。",
		EN: "The image is damaged, cut short, or cannot be decoded to its last pixel. Export it again.",
	},
	"image_empty":  {ZH: "上传的文件没有内容。", EN: "The file that was uploaded has no content."},
	"image_format": {ZH: "按内容判断不是 JPEG 或 PNG；文件名与类型不作数。", EN: "By its content it is no JPEG or PNG; its name and type do not count."},
	"image_height": {ZH: "图片转正后的高度不符合该用途的要求。", EN: "Its height, upright, is not what the purpose asks for."},
	"image_small":  {ZH: "图片小于展示尺寸；仅为提示。", EN: "The image is smaller than its display box; a remark only."},
	"image_too_large": {
		ZH: "去除元数据并转正后，图片仍超过该用途的字节上限。",
		EN: "The image has more bytes than the purpose allows, without its metadata and upright.",
	},
	"image_too_many_pixels": {
		ZH: "图片像素过多，解码所需内存超过上限。缩小后再上传。",
		EN: "Decoding so many pixels would take more memory than is allowed. Make it smaller.",
	},
	"image_unknown": {
		ZH: "该账号没有为此用途上传过这张图片；请先上传。",
		EN: "This account has not uploaded the image for this purpose; upload it first.",
	},
	"image_unsupported": {
		ZH: "不支持该编码方式，例如 CMYK、每通道 12 位或算术编码。另存为普通 RGB 图片。",
		EN: "It is encoded in a way that is not taken, such as CMYK, 12 bits a channel or arithmetic coding. " +
			"Save it as an ordinary RGB image.",
	},
	"image_width":        {ZH: "图片转正后的宽度不符合该用途的要求。", EN: "Its width, upright, is not what the purpose asks for."},
	"later_than_shown":   {ZH: "晚于历史记录当前显示的最新位置。", EN: "It is later than what the history shows by now."},
	"line_break":         {ZH: "该字段只能有一行。", EN: "The field has one line only."},
	"no_change":          {ZH: "与日历现有内容相同，不是变更。", EN: "The calendar says so already: it is no change."},
	"not_a_reviewer":     {ZH: "该账号没有审核员角色，或已注销。", EN: "The account has not the role of a reviewer, or is closed."},
	"not_in_future":      {ZH: "时间必须晚于现在。", EN: "The time must be later than now."},
	"only_one":           {ZH: "这些参数至多给出一个。", EN: "At most one of these parameters may be given."},
	"only_pending":       {ZH: "该条件只适用于待审核的事项。", EN: "The condition is on pending submissions only."},
	"out_of_range":       {ZH: "数值超出允许的范围。", EN: "The number is outside of the allowed range."},
	"past_date":          {ZH: "日期不能早于今天（北京时间）。", EN: "The date must not be before today in Beijing."},
	"range_too_long":     {ZH: "范围的天数超过上限，请分段查询。", EN: "More days than may be asked for at once; ask for parts of them."},
	"repeated_case":      {ZH: "同一案件在一次批量审核中只能出现一次。", EN: "A case is among many decisions once."},
	"repeated_day":       {ZH: "同一日期在一次修正中只能出现一次。", EN: "A correction of the calendar names each day once."},
	"repeated_field":     {ZH: "JSON 对象中同一字段出现多次。", EN: "A field is in the JSON object more than once."},
	"repeated_parameter": {ZH: "参数只能出现一次。", EN: "A parameter may be given once."},
	"required":           {ZH: "必填项缺失或为空。", EN: "What is required is missing or empty."},
	"too_long":           {ZH: "超过最多字数。", EN: "Longer than allowed."},
	"too_many":           {ZH: "项数过多。", EN: "More items than allowed."},
	"too_many_for_excel": {ZH: "行数超过 Excel 工作表。", EN: "There are more rows than an Excel sheet has."},
	"too_short":          {ZH: "不能为空。", EN: "Must not be empty."},
	"unknown_code": {
		ZH: "未知的原因代码，见 /api/v1/review-reasons。",
		EN: "Not a reason code; see /api/v1/review-reasons.",
	},
	"unknown_crs":       {ZH: "坐标系须为 WGS-84、GCJ-02 或 BD-09。", EN: "Must be WGS-84, GCJ-02 or BD-09."},
	"unknown_field":     {ZH: "对象没有该字段，可能拼写有误。", EN: "The object has no such field; it may be misspelt."},
	"unknown_mode":      {ZH: "运输方式须为 sea、air、land 或 rail。", EN: "Must be sea, air, land or rail."},
	"unknown_parameter": {ZH: "操作没有该参数，可能拼写有误。", EN: "The operation has no such parameter; it may be misspelt."},
	"unknown_reason":    {ZH: "未知的关闭原因。", EN: "Not a reason to close."},
	"unknown_role":      {ZH: "未知的角色。", EN: "Not a role."},
	"unknown_type": {
		ZH: "未知的服务商类型，见 /api/v1/provider-types。",
		EN: "Not a type of provider; see /api/v1/provider-types.",
	},
	"unknown_value": {ZH: "不是允许的值之一。", EN: "Not one of the allowed values."},
	"wrong_type":    {ZH: "JSON 类型不符。", EN: "Of another JSON type than the field has."},
	"fragment":      {ZH: "地址不能含 # 及其后的部分。", EN: "The address must not have a # and what follows it."},
	"host":          {ZH: "须为公网主机名，不能是 IP 地址或内部名称。", EN: "It must name a public host: no IP address, and no inside name."},
	"malformed":     {ZH: "不是有效的 URL。", EN: "It is no valid URL."},
	"not_ascii":     {ZH: "只能含可见的 ASCII 字符；国际化域名请用 Punycode。", EN: "Visible ASCII characters only; write international names in Punycode."},
	"port":          {ZH: "端口须为 443 或 8443。", EN: "The port must be 443 or 8443."},
	"query":         {ZH: "地址不能含查询参数，密钥不应出现在地址里。", EN: "The address must not have a query; secrets do not belong there."},
	"scheme":        {ZH: "地址须以 https:// 开头。", EN: "The address must begin with https://."},
	"not_told":      {ZH: "您的事件流中没有这种事件，见 docs/feed.md。", EN: "Such events are not in your feed; see docs/feed.md."},
	"unknown_event": {ZH: "没有这种事件，见 /api/v1/event-types。", EN: "There is no such type of event; see /api/v1/event-types."},
	"user_info":     {ZH: "地址不能含用户名或密码。", EN: "The address must not hold a user or a password."},
}
